"""`http` with the plugin beside HTTPie and in HTTPie's own plugin folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from broken_keys import BROKEN
from conftest import (
    APPLICATION_ID,
    AUTH_TYPE,
    TLS,
    Keys,
    Run,
    dash_a,
    key_text_in,
)

from httpie_nexmo_jwt import raw_auth
from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox


@pytest.fixture(
    params=["beside HTTPie", pytest.param("in the plugin folder", marks=pytest.mark.downloads)]
)
def either_http(request: pytest.FixtureRequest, http: Run) -> Run:
    """`http` with the plugin installed in the one way and in the other."""
    if request.param == "beside HTTPie":
        return http
    return request.getfixturevalue("http_with_plugin_folder")


def error_of(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of an `http` that failed as it should."""
    assert result.returncode == 1, result
    assert result.stdout == ""
    line, *rest = result.stderr.split("\n")
    assert [more for more in rest if not more.startswith("  ")] == ["", ""], result.stderr
    prefix = "http: error: nexmo-jwt: "
    assert line.startswith(prefix)
    return line.removeprefix(prefix)


def test_the_line_of_the_readme_gets_the_calls(either_http: Run, nexmo: Sandbox) -> None:
    result = either_http(AUTH_TYPE, dash_a(nexmo), f"{nexmo.url}/v1/calls")
    assert result.returncode == 0, result
    assert result.stderr == ""
    assert json.loads(result.stdout)["_embedded"]["calls"]


def test_short_options_and_a_relative_key_and_the_port_alone(
    http_here: Run, nexmo: Sandbox
) -> None:
    port = nexmo.url.rpartition(":")[2]
    result = http_here(
        *("-A", "nexmo-jwt", "-a", f"{nexmo.application_id}:private.key", f":{port}/v1/calls"),
        cwd=nexmo.private_key.parent,
    )
    assert json.loads(result.stdout)["_embedded"]["calls"]


def test_claims_stand_behind_a_question_mark(http_here: Run, nexmo: Sandbox) -> None:
    options = "?ttl=60&sub=al%26ice+1&acl=/*/calls/**&acl=/v1/x%3Fy"
    http_here(AUTH_TYPE, dash_a(nexmo, options), "POST", f"{nexmo.url}/v1/calls", "a=b")
    claims = nexmo.requests[-1].claims
    assert claims["exp"] - claims["iat"] == 60
    assert claims["sub"] == "al&ice+1"
    assert claims["acl"] == {"paths": {"/*/calls/**": {}, "/v1/x?y": {}}}


def test_an_acl_is_written_as_for_the_command(
    http_here: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "a & b"
    folder.mkdir()
    (folder / "acl.json").write_text('{"paths": {"/*/users/**": {"filters": {}}}}')
    options = "?acl=GET,POST:/*/calls/**&acl=@acl.json&acl=/v1/x"
    use = (f"--session={tmp_path}/session.json", f"{nexmo.url}/v2/calls/1")
    typed = http_here(AUTH_TYPE, dash_a(nexmo, options), *use, cwd=folder)
    again = http_here(*use)  # what the session holds, from another folder
    for result in (typed, again):
        assert json.loads(result.stdout)["claims"]["acl"]["paths"] == {
            "/*/calls/**": {"methods": ["GET", "POST"]},
            "/*/users/**": {"filters": {}},
            "/v1/x": {},
        }


@pytest.mark.parametrize("option", ["--multipart", "--chunked"])
def test_a_body_that_cannot_be_sent_twice_gets_advice_for_the_next_run(
    option: str, http_here: Run, nexmo: Sandbox
) -> None:
    nexmo.clock_offset = -3600
    result = http_here(AUTH_TYPE, dash_a(nexmo), option, "POST", f"{nexmo.url}/v1/calls", "a=b")
    assert "Correct this machine's clock. Not retried: the request body" in result.stderr
    assert len(nexmo.requests) == 1


def test_a_session_signs_anew_from_any_folder_and_its_file_holds_no_key_and_no_token(
    either_http: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    name = f"session-{os.urandom(4).hex()}"
    file = tmp_path / f"{name}.json"
    first = either_http(
        *(AUTH_TYPE, f"-a{nexmo.application_id}:./private.key?sub=alice", f"--session={file}"),
        f"{nexmo.url}/v1/calls",
        cwd=nexmo.private_key.parent,
    )
    assert first.returncode == 0, first
    for _ in range(2):
        later = either_http(f"--session={file}", f"{nexmo.url}/v1/calls", cwd=tmp_path)
        assert json.loads(later.stdout)["_embedded"]["calls"], later
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 3
    assert {seen.claims["sub"] for seen in nexmo.requests} == {"alice"}
    stored = file.read_text()
    assert json.loads(stored)["auth"] == {
        "type": "nexmo-jwt",
        "raw_auth": f"{nexmo.application_id}:{nexmo.private_key.resolve()}?sub=alice",
    }
    assert "Bearer" not in stored
    assert "eyJ" not in stored
    assert key_text_in(stored, nexmo.private_key.read_bytes()) is None


def test_a_session_whose_key_file_is_gone_says_so(
    http_here: Run, nexmo: Sandbox, tmp_path: Path, keys: Keys
) -> None:
    key_file = tmp_path / "private.key"
    key_file.write_bytes(nexmo.private_key.read_bytes())
    session = f"--session={tmp_path}/s.json"
    auth, url = f"-a{nexmo.application_id}:{key_file}", f"{nexmo.url}/v1/calls"
    assert http_here(AUTH_TYPE, auth, session, url).returncode == 0
    assert nexmo.requests[-1].accepted
    key_file.unlink()
    message = error_of(http_here(session, url))
    assert message.startswith(f"in the session: KEY_PATH names {str(key_file)!r}, which does not")


def test_offline_prints_a_signed_request_and_sends_nothing(
    either_http: Run, nexmo: Sandbox
) -> None:
    result = either_http(AUTH_TYPE, dash_a(nexmo), "--offline", f"{nexmo.url}/v1/calls")
    assert re.search(r"^Authorization: Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$", result.stdout, re.M)
    assert nexmo.requests == []


def test_debug_shows_the_application_and_no_key(http_here: Run, nexmo: Sandbox) -> None:
    result = http_here(AUTH_TYPE, dash_a(nexmo), "--debug", f"{nexmo.url}/v1/calls")
    assert f"NexmoJWT(application_id='{nexmo.application_id}'" in result.stderr
    shown = result.stdout + result.stderr
    assert key_text_in(shown, nexmo.private_key.read_bytes()) is None
    assert "eyJ" not in shown


def test_download_writes_the_answer(http_here: Run, nexmo: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "calls.json"
    url = f"{nexmo.url}/v1/calls"
    result = http_here(AUTH_TYPE, dash_a(nexmo), "--download", f"--output={target}", url)
    assert result.returncode == 0, result
    assert json.loads(target.read_text())["_embedded"]["calls"]


def test_check_status_reports_a_refusal(http_here: Run, nexmo: Sandbox) -> None:
    auth = f"--auth=another:{nexmo.private_key}"
    result = http_here(AUTH_TYPE, auth, "--check-status", f"{nexmo.url}/v1/calls")
    assert result.returncode == 4
    assert json.loads(result.stdout) == {"type": "UNAUTHORIZED", "error_title": "Unauthorized"}
    assert nexmo.requests[-1].verdict == (
        "application_id 'another' is not the sandbox's: was this auth object made before the "
        "fixture, or with credentials other than the sandbox's?"
    )


def test_the_https_command_works(http: Run, tls: TLS) -> None:
    with Sandbox(ssl_context=tls.context("localhost")) as nexmo:
        result = http(
            *(AUTH_TYPE, dash_a(nexmo), f"--verify={tls.ca}"),
            nexmo.url.removeprefix("https://") + "/v1/calls",
            program=Path(sys.executable).with_name("https"),
        )
    assert json.loads(result.stdout)["_embedded"]["calls"]


# The value of -a, and words of the one line that comes back. {key} is a good key file.
MISTAKES = {
    "no -a": (None, "No credentials were found"),
    "empty -a": ("", "no ':'"),
    "path alone": ("{key}", "no ':'"),
    "id and colon": (f"{APPLICATION_ID}:", "no key path"),
    "no id": (":{key}", "no application id"),
    "blank id": (" :{key}", "APPLICATION_ID is empty"),
    "no such file": ("x:nowhere.key", "nowhere.key', which does not exist"),
    "options alone, and wrong": ("?ttl=29", "No credentials were found"),
    "a question mark alone": ("?", "No credentials were found"),
    "unknown option": ("x:{key}?exp=60", "'exp' is not an option"),
    "no value": ("x:{key}?ttl", "?NAME=VALUE"),
    "empty option": ("x:{key}?ttl=60&", "?NAME=VALUE"),
    "bytes that are no text": ("x:{key}?sub=%ff", "?NAME=VALUE"),
    "ttl twice": ("x:{key}?ttl=60&ttl=60", "ttl is given twice"),
    "ttl too short": ("x:{key}?ttl=29", "ttl is 29 s"),
    "ttl negative": ("x:{key}?ttl=-1", "ttl is -1 s"),
    "ttl no number": ("x:{key}?ttl=soon", "ttl is 'soon'"),
    "ttl empty": ("x:{key}?ttl=", "ttl is ''"),
    "ttl endless": ("x:{key}?ttl=" + "9" * 5000, "ttl is"),
    "ttl with an underscore": ("x:{key}?ttl=6_0", "ttl is '6_0'"),
    "sub empty": ("x:{key}?sub=", "sub is ''"),
    "key text for a path": ("x:" + "A1b2" * 40, "Give the path of the key file; "),
    "key text for an option": ("x:{key}?" + "A1b2" * 16, "what follows the '?' is not of"),
    "key and id exchanged": (f"{{key}}:{APPLICATION_ID}", "perhaps id and key were swapped"),
    "API key and secret": (
        "abcd1234:s3cr3tApiSecret1",
        "KEY_PATH looks like an API secret (redacted), and the id beside it like an API key",
    ),
    "base64 of a key's file": (f"{APPLICATION_ID}:" + "LS0tLS1CRUdJTi" * 9, "a command line"),
    "quotes around the path": ("x:'{key}'", "quotes or blanks around the path"),
    "acl no path": ("x:{key}?acl=calls", "'calls' is not an acl. Write a path"),
    "acl in no file": ("x:{key}?acl=@nowhere.json", "acl file 'nowhere.json' cannot be read"),
    "acl twice": ("x:{key}?acl=/a&acl=GET:/a", "acl= names '/a' twice"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_auth_is_one_clear_line_and_nothing_is_sent(
    mistake: str, http_here: Run, key_file: Path, nexmo: Sandbox
) -> None:
    value, words = MISTAKES[mistake]
    typed = [] if value is None else ["-a", value.replace("{key}", str(key_file))]
    message = error_of(http_here(AUTH_TYPE, *typed, nexmo.url))
    assert words in message
    assert message.startswith("-a: ") == ("No credentials" not in words)
    assert nexmo.requests == []


def test_a_folder_whose_name_would_begin_the_options_is_refused(
    http_here: Run, tmp_path: Path
) -> None:
    (tmp_path / "q?").mkdir()
    result = http_here(AUTH_TYPE, "-ax:private.key", "localhost", cwd=tmp_path / "q?")
    assert "Set VONAGE_APPLICATION_ID" in error_of(result)


def test_an_error_in_an_environment_variable_does_not_blame_dash_a(
    http_here: Run, nexmo: Sandbox
) -> None:
    for options in ("", "?ttl=60"):
        result = http_here(
            AUTH_TYPE, dash_a(nexmo, options), nexmo.url, env={"NEXMO_JWT_HOSTS": "prism:4010"}
        )
        assert error_of(result).startswith("NEXMO_JWT_HOSTS has 'prism:4010'")


@pytest.mark.parametrize("name", [r"C:\keys\private.key", "a:b.key"])
def test_a_key_path_keeps_its_colons(
    name: str, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(keys.pkcs8)
    monkeypatch.chdir(tmp_path)
    value = raw_auth.read(f"{APPLICATION_ID}:{name}?ttl=60")
    expected = NexmoJWT(APPLICATION_ID, keys.object, ttl=60)
    assert raw_auth.auth_for(value, may_ask=False) == expected
    monkeypatch.chdir("/")
    again = raw_auth.read(str(value))
    assert raw_auth.auth_for(again, may_ask=False) == expected
    assert str(again) == str(value)


@pytest.mark.parametrize("case", ["flipped characters", "encrypted, no passphrase"])
def test_http_reports_a_broken_key_without_a_traceback(
    case: str, http: Run, keys: Keys, tmp_path: Path, nexmo: Sandbox
) -> None:
    make, words = BROKEN[case]
    (tmp_path / "broken.key").write_bytes(make(keys))
    # With --traceback HTTPie lets exceptions through; there must be none.
    auth = f"-a{APPLICATION_ID}:{tmp_path}/broken.key"
    result = http(AUTH_TYPE, "--traceback", auth, nexmo.url)
    assert words in error_of(result)
    assert key_text_in(result.stderr, make(keys)) is None
    assert nexmo.requests == []


def test_a_mistake_is_one_clear_line_from_the_plugin_folder_too(
    either_http: Run, nexmo: Sandbox
) -> None:
    assert "nowhere.key" in error_of(either_http(AUTH_TYPE, "-ax:nowhere.key", nexmo.url))


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1", "encrypted"])
def test_a_key_on_the_command_line_is_refused_and_shown_nowhere(
    form: str, http_here: Run, keys: Keys, nexmo: Sandbox, tmp_path: Path
) -> None:
    pem: bytes = getattr(keys, form)
    session = f"--session={tmp_path}/s.json"
    result = http_here(AUTH_TYPE, f"-a{APPLICATION_ID}:{pem.decode()}", session, nexmo.url)
    assert "Save the key to a file" in error_of(result)
    assert key_text_in(result.stderr, pem) is None
    assert not (tmp_path / "s.json").exists()


def test_a_netrc_is_not_read(http_here: Run, nexmo: Sandbox, tmp_path: Path) -> None:
    netrc = tmp_path / "home" / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password pass\n")
    netrc.chmod(0o600)
    url = f"{nexmo.url}/v1/calls"
    assert "No credentials were found" in error_of(http_here(AUTH_TYPE, url))
    assert http_here(AUTH_TYPE, dash_a(nexmo), url).returncode == 0
    assert nexmo.requests[-1].accepted


def test_help_shows_the_form_of_auth(either_http: Run) -> None:
    result = either_http("--help")
    assert result.returncode == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert "nexmo-jwt,nexmo-jwt-auto}" in shown
    if sys.version_info >= (3, 14):
        return  # there HTTPie 3.2.4 writes its help before it has loaded any plugin
    assert '"nexmo-jwt": Nexmo (Vonage) JWT (provided by requests-nexmo-jwt)' in shown
    assert "APPLICATION_ID:private.key?ttl=60&sub=alice&acl=/*/calls/**" in shown


def test_a_call_with_another_auth_does_not_pay_for_ours(either_http: Run, nexmo: Sandbox) -> None:
    def imported(*arguments: str) -> set[str]:
        env = {"PYTHONPROFILEIMPORTTIME": "1"}
        result = either_http(*arguments, "--offline", nexmo.url, env=env)
        return {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}

    ours = {"jwt.api_jws", "requests_nexmo_jwt.token.signer", "httpie_nexmo_jwt.raw_auth"}
    assert not imported("-a", "user:password") & ours
    assert imported(AUTH_TYPE, dash_a(nexmo)) & ours == ours


def test_the_plugin_adds_one_module_to_an_http_that_does_not_use_it() -> None:
    script = (
        "import sys, httpie.core, httpie.plugins; before = set(sys.modules)\n"
        "import httpie_nexmo_jwt; print(sorted(set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert result.stdout.decode().strip() == "['httpie_nexmo_jwt']"


# A URL that gets no token, and words of the refusal. Were anything sent, it would go to the
# sandbox, as to a proxy.
REFUSED = [
    ("api.nexmo.com/v1/calls", "http://api.nexmo.com would send the token in clear text. Write"),
    ("http://api.nexmo.com/v1/calls", "use the command 'https' instead of 'http'"),
    ("https://example.org/", "leave out -A and -a"),
    ("https://rest.nexmo.com/sms/json", "does not accept a token: the SMS API accepts the API key"),
    ("https://rest.nexmo.com/account/get-balance", "Use -A basic -a KEY:SECRET"),
]


@pytest.mark.parametrize(("url", "words"), REFUSED)
def test_a_refused_url_gets_advice_and_nothing_is_sent(
    url: str, words: str, http_here: Run, nexmo: Sandbox
) -> None:
    proxies = (f"--proxy=http:{nexmo.url}", f"--proxy=https:{nexmo.url}")
    assert words in error_of(http_here(AUTH_TYPE, dash_a(nexmo), *proxies, url))
    assert nexmo.requests == []


def test_http_takes_hosts_from_auth_and_from_the_environment(
    http_here: Run, nexmo: Sandbox
) -> None:
    url = "http://prism:4010/v1/calls"

    def offline(options: str = "", **env: str) -> str:
        result = http_here(AUTH_TYPE, "--offline", dash_a(nexmo, options), url, env=env)
        return result.stdout or error_of(result)

    assert "http://prism:4010 is not one of Vonage's API origins" in offline()
    assert "Bearer" in offline("?host=https://a.test&host=http://prism:4010")
    assert "Bearer" in offline(NEXMO_JWT_HOSTS="http://prism:4010")
    assert offline("?host=prism:4010").startswith("-a: host has 'prism:4010'")


@pytest.mark.parametrize("clock_offset", [0, -3600])
def test_http_shows_our_warnings_as_its_own(
    clock_offset: int, http: Run, nexmo: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "other.key").write_bytes(keys.pkcs8)
    nexmo.clock_offset = clock_offset
    key = tmp_path / "other.key" if clock_offset == 0 else nexmo.private_key
    # In a process of its own: the sandbox's log has the same logger above it.
    result = http(AUTH_TYPE, f"-a{nexmo.application_id}:{key}", f"{nexmo.url}/v1/calls")
    words = "401 from 127.0.0.1" if clock_offset == 0 else "The clock of 127.0.0.1"
    assert result.stderr.strip().startswith(f"http: warning: {words}")
    assert result.stderr.count("http: warning:") == 1
