"""What is passed as an application's id and as its key, if something else was meant."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import APPLICATION_ID, NEXMO_JWT, Keys, Run

from requests_nexmo_jwt import CredentialsError, NexmoJWT, NexmoJWTError

# An id and a key, and the error. ``{key}`` is the path of a key file.
MIXED_UP = [
    ("abcd1234", "/nowhere/privatekey", "/nowhere/privatekey'.* does not exist"),
    ("{key}", APPLICATION_ID, "id and key were swapped"),
    *((APPLICATION_ID, text, "quotes or blanks") for text in ('"{key}"', "'{key}'", " {key}")),
    (APPLICATION_ID, "{key}\n", "quotes or blanks"),
    ('"abcd1234"', "{key}", "white space or quotes around it"),
    *(
        (text.format(APPLICATION_ID), "{key}", "quotes, blanks or other characters around the id")
        for text in ('"{}"', "'{}'", " {}\n", "<{}>", "{} # prod")
    ),
    ("LS0tLS1C" * 100, "{key}", "contains a private key"),
    (APPLICATION_ID, "${{VONAGE_PRIVATE_KEY}}", "a variable, which nothing has expanded"),
]


@pytest.mark.parametrize(("application_id", "key", "words"), MIXED_UP)
def test_what_was_mixed_up_is_reported(
    application_id: str, key: str, words: str, key_file: Path
) -> None:
    with pytest.raises(NexmoJWTError, match=words):
        NexmoJWT(application_id.format(key=key_file), key.format(key=key_file))


def test_quotes_that_an_env_file_kept_are_reported_with_the_variable(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VONAGE_APPLICATION_ID", f'"{APPLICATION_ID}"')
    monkeypatch.setenv("VONAGE_PRIVATE_KEY", str(key_file))
    with pytest.raises(CredentialsError, match="VONAGE_APPLICATION_ID has quotes"):
        NexmoJWT()


# An id, what was given in the place of its key, and the kind of mistake.
SECRETS = [
    (APPLICATION_ID, "aBcDeFgHiJkLmN01", "private-key"),
    (APPLICATION_ID, "aBcDeFgHiJkLmNoP", "private-key"),
    (APPLICATION_ID, "a1" * 20, "private-key"),
    (APPLICATION_ID, "S3cret!with#signs", "private-key"),
    (APPLICATION_ID, "S3cret.w1th.dots9", "private-key"),
    (APPLICATION_ID, "export VONAGE_API_SECRET=aBcDeFgHiJkLmN01", "private-key"),
    (APPLICATION_ID, "aBcDeFgHiJkLmN01 # the secret", "private-key"),
    ("abcd1234", "s3cr3tApiSecret1", "api-key"),
    ("46123456", "a1" * 20, "api-key"),
    ("abcd1234", "AllLettersHere", "api-key"),
    ("s3cr3tApiSecret1", "abcd1234", "private-key"),
]


@pytest.mark.parametrize("door", ["arguments", "environment", ".vonagerc", "-a", "command"])
@pytest.mark.parametrize(("application_id", "secret", "code"), SECRETS)
def test_a_secret_in_the_place_of_a_key_is_named_and_not_shown(
    application_id: str,
    secret: str,
    code: str,
    door: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nexmo_jwt: Run,
    capfd: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    # The plugin shows warnings as HTTPie does, for the rest of an `http`, not of a test run.
    monkeypatch.setattr(logging.getLogger("requests_nexmo_jwt"), "handlers", [])
    if door in ("-a", "command"):
        said = said_by(door, application_id, secret, nexmo_jwt, capfd)
    else:
        arguments = (application_id, secret) if door == "arguments" else ()
        if door == "environment":
            monkeypatch.setenv("VONAGE_APPLICATION_ID", application_id)
            monkeypatch.setenv("VONAGE_PRIVATE_KEY", secret)
        (tmp_path / ".vonagerc").write_text(
            json.dumps({"appId": application_id, "privateKey": secret})
        )
        with pytest.raises(NexmoJWTError) as caught:
            NexmoJWT(*arguments)
        assert caught.value.code == code
        said = str(caught.value)
    assert "secret (redacted)" in said
    assert "application" in said
    assert secret not in said


def said_by(
    door: str, application_id: str, secret: str, nexmo_jwt: Run, capfd: pytest.CaptureFixture
) -> str:
    if door == "command":
        result = nexmo_jwt("token", "--app-id", application_id, "--private-key", secret)
        return str(result.stderr)
    from httpie_nexmo_jwt import NexmoJWTPlugin

    plugin = NexmoJWTPlugin()
    plugin.raw_auth = f"{application_id}:{secret}"
    with pytest.raises(SystemExit):
        plugin.get_auth()
    return str(capfd.readouterr().err)


def test_a_file_whose_name_looks_like_a_secret_is_read(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("aBcDeFgHiJkLmN01").write_bytes(keys.pkcs8)
    assert NexmoJWT(APPLICATION_ID, "aBcDeFgHiJkLmN01").token()


@pytest.mark.parametrize("name", ["private.key", "key2.pem", "id_rsa", "keys1/private", "mykey"])
def test_a_missing_file_is_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NexmoJWTError, match=f"{name}', which does not exist"):
        NexmoJWT(APPLICATION_ID, name)


# What stands between the lines of a PEM, as the text in the place of a line end.
BETWEEN = {
    "a line end written twice": "\\n\n",
    "an empty line": "\n\n",
    "an escaped backslash": "\\\\n",
    "two of them": "\\\\\\\\n",
    "those of Windows, escaped": "\\r\\n",
    "those of Windows, twice": "\r\n\r\n",
    "a blank": " ",
    "nothing": "",
    "a tab": "\t",
    "a shell's continuation": " \\\n",
    "the lines of a JSON array": '",\n"',
    "an indentation of YAML": "\n    ",
    "a no-break space": "\u00a0\n",
    "a zero-width space": "\u200b\n",
    "what a shell leaves of an escape": "n",
    "a line end in a URL": "%0A",
    "a line end in HTML": "<br>",
    "a quoted mail": "\n> ",
    "typographic quotes": "\u201d \u201c",
    "a NUL": "\0",
    "a concatenation": '\\n" +\n        "',
}


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1", "encrypted", "encrypted_pkcs1"])
@pytest.mark.parametrize("case", BETWEEN)
def test_a_good_key_loads_whatever_stands_between_its_lines(
    case: str, form: str, keys: Keys
) -> None:
    text = getattr(keys, form).decode().replace("\n", BETWEEN[case])
    auth = NexmoJWT(APPLICATION_ID, text, passphrase="correct horse battery staple")
    assert auth.fingerprint == NexmoJWT(APPLICATION_ID, keys.object).fingerprint


def test_a_file_that_powershell_wrote_is_read(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "private.key"
    path.write_bytes(keys.pkcs8.decode().encode("utf-16"))
    assert NexmoJWT(APPLICATION_ID, path) == NexmoJWT(APPLICATION_ID, keys.object)


# Where an account's key and secret are found, and how they are named.
ACCOUNTS = {
    "the environment": ({"VONAGE_API_KEY": "abcd1234", "VONAGE_API_SECRET": "x"}, "VONAGE_API_KEY"),
    "older names": ({"NEXMO_API_KEY": "abcd1234", "NEXMO_API_SECRET": "x"}, "NEXMO_API_KEY"),
    "Cloud Runtime": ({"VCR_API_ACCOUNT_ID": "x", "VCR_API_ACCOUNT_SECRET": "y"}, "VCR_API_ACC"),
    "the CLI's file": ({}, ".vonagerc"),
}


@pytest.mark.parametrize("case", ACCOUNTS)
def test_an_account_without_an_application_is_named_with_what_to_create(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables, source = ACCOUNTS[case]
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if not variables:
        Path(".vonagerc").write_text('{"apiKey": "abcd1234", "apiSecret": "s3cret"}')
    with pytest.raises(CredentialsError, match="were found that can sign") as caught:
        NexmoJWT()
    message = str(caught.value)
    assert source in message
    assert "create an application and its key in the Vonage dashboard" in message
    assert "s3cret" not in message
    assert len(message.splitlines()) <= 12


def test_the_file_of_the_older_cli_is_read_after_vonagerc(
    keys: Keys, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = {"application_name": "x", "application_id": APPLICATION_ID}
    Path("vonage_app.json").write_text(json.dumps({**old, "private_key": keys.pkcs8.decode()}))
    auth = NexmoJWT()
    assert auth == NexmoJWT(APPLICATION_ID, keys.object)
    assert auth.source == f"{tmp_path}/vonage_app.json: application_id and private_key (PEM text)"
    Path(".vonagerc").write_text(json.dumps({"appId": "other", "privateKey": str(key_file)}))
    assert NexmoJWT().source.startswith(f"{tmp_path}/.vonagerc")


# What is imported as jwt in the place of PyJWT, by its path in a folder.
HIDING = {
    "a script of that name": ("jwt.py", "raise SystemExit('it was run')"),
    "PyPI's package jwt, over PyJWT": ("jwt/__init__.py", "class JWT: pass"),
    "a PyJWT that is too old": ("jwt/__init__.py", "class PyJWS: pass"),
    "a folder of that name": ("jwt/notes.py", ""),
}


@pytest.mark.parametrize("case", list(HIDING)[:3])
@pytest.mark.parametrize("door", ["python", "command", "http"])
def test_another_module_named_jwt_is_named_with_the_remedy(
    door: str, case: str, key_file: Path, tmp_path: Path, http: Run
) -> None:
    name, content = HIDING[case]
    hiding = tmp_path / "beside" / name
    hiding.parent.mkdir(parents=True)
    hiding.write_text(content)
    env = {"PYTHONPATH": str(tmp_path / "beside")}
    if door == "http":
        auth = f"-a{APPLICATION_ID}:{key_file}"
        result = http("--offline", "-Anexmo-jwt", auth, "https://api.nexmo.com/", env=env)
    else:
        script = "from requests_nexmo_jwt import NexmoJWT"
        command = [NEXMO_JWT, "token"] if door == "command" else [sys.executable, "-c", script]
        result = subprocess.run(
            command, env={"HOME": str(tmp_path), **env}, capture_output=True, text=True, check=False
        )
        assert result.returncode == 1
    assert (
        f"{hiding} is imported as 'jwt', in the place of PyJWT 2.8 or later. Rename"
        in result.stderr
    )
    assert ("Traceback" in result.stderr) == (door == "python")
    assert "it was run" not in result.stderr
