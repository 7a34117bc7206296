"""Where an application id and its key are found."""

import base64
import itertools
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import (
    AUTH_TYPE,
    PASSPHRASE,
    Keys,
    Run,
    everything_shown_by,
    key_text_in,
)

from requests_nexmo_jwt import CredentialsError, NexmoJWT, NexmoJWTError
from requests_nexmo_jwt.credentials import account as accounts
from requests_nexmo_jwt.credentials import discovery as credentials
from requests_nexmo_jwt.credentials.places import places
from requests_nexmo_jwt.redaction import Hidden
from requests_nexmo_jwt.sandbox import Sandbox


@dataclass
class Setup:
    """What stands in a user's environment, working directory and home.

    In all values ``{id}`` is the application's id, ``{pem}`` the text of its key,
    ``{file}`` the absolute path of a file with it. ``key.pem`` is such a file in the
    working directory, in the home and in ``~/.vonage``, and so is ``beside.pem`` in the last.
    """

    env: dict[str, str] = field(default_factory=dict)
    here: object = None
    home: object = None

    def write(self, folder: Path, nexmo: Sandbox) -> dict[str, str]:
        pem = nexmo.private_key.read_text()
        damaged = pem[:900] + "AAAA" + pem[904:]
        values = {
            "{damaged pem}": damaged,
            "{pem in base64}": base64.b64encode(pem.encode()).decode(),
            "{pem in base64 lines}": base64.encodebytes(pem.encode()).decode(),
            "{half a pem in base64}": base64.b64encode(pem[:900].encode()).decode(),
            "{text of the pem}": "".join(pem.splitlines()[1:-1]),
            "{id}": nexmo.application_id,
            "{pem}": pem,
            "{file}": str(nexmo.private_key),
        }

        def filled(value: object) -> object:
            if isinstance(value, dict):
                return {name: filled(inner) for name, inner in value.items()}
            if isinstance(value, list):
                return [filled(inner) for inner in value]
            if isinstance(value, str):
                for name, text in values.items():
                    value = value.replace(name, text)
                return value.replace("{pem in a line}", pem.replace("\n", r"\n"))
            return value

        config = folder / "home" / ".vonage"
        config.mkdir(parents=True, exist_ok=True)
        (folder / "here").mkdir(exist_ok=True)
        for place in (folder / "here", folder / "home", config):
            (place / "key.pem").write_text(pem)
        (config / "beside.pem").write_text(pem)
        for content, path in (
            (self.here, folder / "here" / ".vonagerc"),
            (self.home, config / "config.json"),
        ):
            if content is not None:
                content = filled(content)
                path.write_text(content if isinstance(content, str) else json.dumps(content))
        return {"HOME": str(folder / "home"), **filled(self.env)}


def cli(key: object, application_id: object = "{id}", **more: object) -> dict[str, object]:
    """Return what a file of the CLI has in it."""
    return {"app-id": application_id, "private-key": key, **more}


CLI_TEXT = cli("{pem}", apiKey="abcd", apiSecret="s")
WRONG = cli("{pem}", "wrong")
WRONG_ENV = {"VONAGE_APPLICATION_ID": "wrong", "VONAGE_PRIVATE_KEY": "{file}"}

V, N, VCR = "VONAGE_APPLICATION_ID", "NEXMO_APPLICATION_ID", "VCR_API_APPLICATION_ID"
ID = {V: "{id}"}
VONAGE_APP = {**ID, "VONAGE_PRIVATE_KEY": "{file}"}
NEXMO_APP = {N: "{id}", "NEXMO_PRIVATE_KEY": "{file}"}
VCR_APP = {VCR: "{id}", "VCR_PRIVATE_KEY": "{file}"}

# The variables of an id and a key, the value of the key's, and how that is read.
VARIABLES = [
    (V, "VONAGE_PRIVATE_KEY", "{file}", "a path"),
    (V, "VONAGE_PRIVATE_KEY", "key.pem", "a path"),
    (V, "VONAGE_PRIVATE_KEY", "~/key.pem", "a path"),
    (V, "VONAGE_PRIVATE_KEY", " key.pem\n", "a path"),
    (V, "VONAGE_PRIVATE_KEY", "{pem}", "PEM text"),
    (V, "VONAGE_PRIVATE_KEY", "{pem in base64}", "PEM text"),
    (V, "VONAGE_PRIVATE_KEY", "{pem in a line}", "PEM text"),
    (V, "VONAGE_PRIVATE_KEY_PATH", "{file}", "a path"),
    (V, "VONAGE_APPLICATION_PRIVATE_KEY_PATH", "{file}", "a path"),
    (V, "VONAGE_APPLICATION_PRIVATE_KEY", "key.pem", "a path"),
    (V, "VONAGE_APPLICATION_PRIVATE_KEY", "{pem}", "PEM text"),
    (V, "VONAGE_PRIVATE_KEY64", "{pem in base64}", "PEM text"),
    (V, "VONAGE_PRIVATE_KEY64", "{pem in base64 lines}", "PEM text"),
    (N, "NEXMO_PRIVATE_KEY", "{pem}", "PEM text"),
    (N, "NEXMO_PRIVATE_KEY_PATH", "{file}", "a path"),
    (N, "NEXMO_APPLICATION_PRIVATE_KEY_PATH", "{file}", "a path"),
    (N, "NEXMO_PRIVATE_KEY64", "{pem in base64}", "PEM text"),
    (VCR, "VCR_PRIVATE_KEY", "{pem}", "PEM text"),
    (VCR, "VCR_PRIVATE_KEY", "{file}", "a path"),
]

# The variables of a key, the first that counts first.
KEYS = ["VONAGE_PRIVATE_KEY", "VONAGE_PRIVATE_KEY_PATH", "VONAGE_APPLICATION_PRIVATE_KEY_PATH"]
KEYS += ["VONAGE_APPLICATION_PRIVATE_KEY", "VONAGE_PRIVATE_KEY64"]

# Where the credentials are, and words of `auth.source`. Adding a source is adding a line.
FOUND = [
    *(
        (Setup({id_: "{id}", key: value}), f"environment: {id_} and {key} ({form})")
        for id_, key, value, form in VARIABLES
    ),
    (Setup({**VONAGE_APP, V: " {id}\n"}), "VONAGE_PRIVATE_KEY"),
    (Setup(here=CLI_TEXT), "here/.vonagerc: app-id and private-key (PEM text)"),
    (Setup(here=cli(" key.pem\n", " {id}\n")), "here/.vonagerc: app-id and private-key (a path)"),
    (Setup(here=cli("{file}")), "private-key (a path)"),
    (Setup(here={"appId": "{id}", "privateKey": "./key.pem"}), "appId and privateKey (a path)"),
    (Setup(here=cli("x", "wrong", appId="{id}", privateKey="{pem}")), "appId and privateKey (PEM"),
    (Setup(here=cli("key.pem", appId=" ", privateKey="")), "app-id and private-key (a path)"),
    (Setup(here={"appId": "{id}", "private-key": "key.pem"}), "appId and private-key (a path)"),
    (Setup(here='\ufeff{"app-id": "{id}", "private-key": "key.pem"}'), "here/.vonagerc"),
    (Setup(home=CLI_TEXT), "home/.vonage/config.json: app-id and private-key (PEM text)"),
    (Setup(home=cli("beside.pem")), "config.json: app-id and private-key (a path)"),
    (Setup(home=cli("~/key.pem")), "config.json: app-id and private-key (a path)"),
    # Precedence: the first that names an application wins.
    *(
        (Setup({**ID, first: "{file}", second: "nowhere.key"}), f"{first} (a path)")
        for first, second in itertools.pairwise(KEYS)
    ),
    (Setup({**ID, KEYS[0]: "", KEYS[1]: "{file}"}), KEYS[1]),
    (Setup({**VONAGE_APP, N: "wrong", "NEXMO_PRIVATE_KEY": "nowhere.key"}), "VONAGE_"),
    (Setup({**NEXMO_APP, VCR: "wrong", "VCR_PRIVATE_KEY": "nowhere.key"}), "NEXMO_"),
    (Setup(VCR_APP, WRONG, WRONG), "VCR_"),
    (Setup(VONAGE_APP, "{broken"), "VONAGE_"),
    (Setup(here=CLI_TEXT, home=WRONG), "here/.vonagerc"),
    # What names no application.
    (Setup({V: "", "VONAGE_PRIVATE_KEY": "nowhere"}, CLI_TEXT), "here/.vonagerc"),
    (Setup(here={"api-key": "abcd", "api-secret": "s"}, home=CLI_TEXT), "config.json"),
    (Setup(here=cli("x", "  "), home=CLI_TEXT), "config.json"),
    (Setup(here={"app-id": None}, home=CLI_TEXT), "config.json"),
]


@pytest.fixture
def in_place(
    tmp_path: Path, nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Setup], None]:
    """Make this process the one that sees a setup."""

    def put(setup: Setup) -> None:
        for name, value in setup.write(tmp_path, nexmo).items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path / "here")

    return put


@pytest.fixture
def python(in_place: Callable[[Setup], None]) -> Callable[..., NexmoJWT]:
    def build(setup: Setup, **options: object) -> NexmoJWT:
        in_place(setup)
        return NexmoJWT(**options)

    return build


@pytest.fixture
def typed(tmp_path: Path, nexmo: Sandbox, http_here: Run) -> Run:
    def run(setup: Setup, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = setup.write(tmp_path, nexmo)
        return http_here(
            AUTH_TYPE, *arguments, f"{nexmo.url}/v1/files/echo", cwd=tmp_path / "here", env=env
        )

    return run


@pytest.mark.parametrize(("setup", "source"), FOUND, ids=itertools.count())
def test_credentials_are_found_from_python(
    setup: Setup, source: str, python: Callable[..., NexmoJWT], nexmo: Sandbox
) -> None:
    auth = python(setup)
    assert auth == nexmo.auth()
    assert source in auth.source
    assert key_text_in(auth.source + repr(auth), nexmo.private_key.read_bytes()) is None


# One for each kind of place; that the same code finds them all, Python's test tells.
FOUND_BY_HTTP = {
    "a relative path in the environment": Setup({**ID, "VONAGE_PRIVATE_KEY": "key.pem"}),
    "text in the environment": Setup({**ID, "VONAGE_PRIVATE_KEY": "{pem in a line}"}),
    ".vonagerc": Setup(here=CLI_TEXT),
    "config.json": Setup(home=cli("key.pem")),
}


@pytest.mark.parametrize("place", FOUND_BY_HTTP)
def test_credentials_are_found_by_http(place: str, typed: Run, nexmo: Sandbox) -> None:
    result = typed(FOUND_BY_HTTP[place])
    assert result.returncode == 0, result
    assert json.loads(result.stdout)["claims"]["application_id"] == nexmo.application_id


def test_arguments_and_dash_a_come_before_everything(
    python: Callable, typed: Run, nexmo: Sandbox
) -> None:
    setup = Setup(WRONG_ENV, WRONG, WRONG)
    auth = python(setup, application_id=nexmo.application_id, private_key=nexmo.private_key)
    assert auth == nexmo.auth()
    assert auth.source == f"arguments: private key file {nexmo.private_key}"
    result = typed(setup, f"-a{nexmo.application_id}:{nexmo.private_key}")
    assert json.loads(result.stdout)["claims"]["application_id"] == nexmo.application_id


def test_the_source_of_a_key_that_is_not_a_file_is_reported(keys: Keys) -> None:
    assert "arguments: PEM text" in NexmoJWT("id", keys.pkcs8).source
    assert "arguments: a key object" in NexmoJWT("id", keys.object).source


LINE = "MIIEvQIBADANBgkq/"

# Places that are there but broken, and what the error says.
BROKEN = [
    # A variable.
    (Setup(ID, CLI_TEXT, CLI_TEXT), "^VONAGE_APPLICATION_ID is set, but there is no key"),
    (
        Setup({**ID, "NEXMO_PRIVATE_KEY": "{file}"}, CLI_TEXT),
        "no key beside it.*VONAGE_PRIVATE_KEY",
    ),
    (Setup({VCR: "x", "VCR_PRIVATE_KEY_PATH": "{file}"}, CLI_TEXT), "no key.*VCR_PRIVATE_KEY to"),
    (Setup({**ID, "VONAGE_PRIVATE_KEY64": "{file}"}, CLI_TEXT), "KEY64 is not base64 of.*base64 <"),
    (Setup({**ID, "VONAGE_PRIVATE_KEY64": "{text of the pem}"}), "KEY64 is not base64 of a PEM"),
    (Setup({**ID, "VONAGE_PRIVATE_KEY64": "{half a pem in base64}"}), "KEY64 is cut short"),
    (Setup({N: "x", "NEXMO_PRIVATE_KEY64": "key.pem"}), "^NEXMO_PRIVATE_KEY64 is not base64 of a"),
    (Setup({**ID, "VONAGE_PRIVATE_KEY": "no.key"}, CLI_TEXT), "VATE_KEY names.*no.key.*not exist"),
    (Setup({**ID, "VONAGE_PRIVATE_KEY": LINE[:-1] * 8}), "^VONAGE_PRIVATE_KEY.*It is redacted"),
    (Setup({**ID, "VONAGE_PRIVATE_KEY": "{damaged pem}"}), "^VONAGE_PRIVATE_KEY is damaged"),
    # A file of the CLI.
    (Setup(here="app-id: x", home=CLI_TEXT), "vonagerc is not JSON.*line 1.*Fix it or remove it."),
    (Setup(here='{"private-key": "{pem in a line}'), "vonagerc is not JSON"),
    (Setup(here="[" * 100_000), "vonagerc is not JSON"),
    (Setup(here=["app-id"], home=CLI_TEXT), "vonagerc is JSON, but not an object with.*Fix it or"),
    (Setup(here=cli(" \n"), home=CLI_TEXT), "vonagerc has 'app-id', but no 'private-key'"),
    (Setup(here={"appId": "{id}", "apiKey": "x"}), "vonagerc has 'appId', but no 'privateKey'"),
    # A field of such a file.
    (Setup(here=cli("{pem}", appId=5)), "^'appId' in .*vonagerc is not a string"),
    (Setup(here=cli("{pem}", 5)), "^'app-id' in .*vonagerc is not a string"),
    (Setup(here=cli(["{pem}"])), "^'private-key' in .*vonagerc is not a string"),
    (
        Setup(here=cli("{pem}", "{id}", privateKey="no.key")),
        "^'privateKey' in.*here/no.key.*not exi",
    ),
    (Setup(here=cli(LINE * 8)), "^'private-key' in .*vonagerc.*It is redacted"),
    (Setup(here=cli("~/" + LINE * 8)), "^'private-key' in .*vonagerc.*It is redacted"),
    (Setup(here=cli("{damaged pem}")), "^'private-key' in .*vonagerc is damaged"),
    (Setup(here=cli("-----BEGIN CERTIFICATE-----\nMIIE\n")), "vonagerc contains a certificate"),
    (Setup(here=cli("{id}", "{pem}")), "^'private-key' in .*vonagerc looks like an application id"),
]


@pytest.mark.parametrize(("setup", "words"), BROKEN, ids=itertools.count())
def test_a_broken_place_is_reported_and_not_skipped(
    setup: Setup, words: str, python: Callable, nexmo: Sandbox
) -> None:
    with pytest.raises(NexmoJWTError, match=words) as caught:
        python(setup)
    shown = everything_shown_by(caught.value, frames=True)
    assert key_text_in(shown, nexmo.private_key.read_bytes()) is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "setup", [Setup(ID, CLI_TEXT), Setup(here="app-id: x")], ids=["id", "file"]
)
def test_http_reports_a_broken_place_in_the_same_words(
    setup: Setup, python: Callable, typed: Run, nexmo: Sandbox
) -> None:
    with pytest.raises(NexmoJWTError) as caught:
        python(setup)
    result = typed(setup)
    assert result.returncode == 1
    assert result.stderr == f"http: error: nexmo-jwt: {caught.value}\n\n"
    assert nexmo.requests == []


def test_when_nothing_is_found_every_place_is_listed_with_the_way_out(
    python: Callable, typed: Run, tmp_path: Path
) -> None:
    variables = {"NEXMO_PRIVATE_KEY_PATH": "{file}", "VCR_PRIVATE_KEY": "{file}"}
    setup = Setup(variables, here={"api-key": "x"})
    with pytest.raises(CredentialsError) as caught:
        python(setup)
    message = str(caught.value)
    for words in (
        "VONAGE_APPLICATION_ID (not set)",
        "NEXMO_APPLICATION_ID (not set, though NEXMO_PRIVATE_KEY_PATH is)",
        f"{tmp_path}/here/.vonagerc (names no application)",
        f"{tmp_path}/home/.vonage/config.json (no such file)",
        "VCR_API_APPLICATION_ID (not set, though VCR_PRIVATE_KEY is)",
        "No credentials were found. Set VONAGE_APPLICATION_ID",
        "or pass both: NexmoJWT(ID, PATH).",
    ):
        assert words in message
    assert len(caught.value.places) == len(places())
    by_http = message.replace("pass both: NexmoJWT(ID, PATH)", "give -a APPLICATION_ID:KEY_PATH")
    assert typed(setup).stderr == f"http: error: nexmo-jwt: {by_http}\n\n"


SECRET = "s3cr3tApiSecret1"


def account_in(prefix: str) -> dict[str, str]:
    return {f"{prefix}API_KEY": "abcd1234", f"{prefix}API_SECRET": SECRET}


HERE, HOME = "here/.vonagerc", "home/.vonage/config.json"
APP = cli("{pem}")
CAMEL = {"apiKey": "abcd1234", "apiSecret": SECRET}
KEBAB = {"api-key": "abcd1234", "api-secret": SECRET}

BY_VONAGE, BY_NEXMO = account_in("VONAGE_"), account_in("NEXMO_")
IN_VONAGE = "VONAGE_API_KEY and VONAGE_API_SECRET"
IN_NEXMO = "NEXMO_API_KEY and NEXMO_API_SECRET"
BLANK = {"VONAGE_API_KEY": " abcd1234\n", "VONAGE_API_SECRET": f" {SECRET} "}
OTHER = {"apiKey": "wrong", "apiSecret": "wrong"}

# Where an application is found, and where the account that it belongs to; None: nowhere.
ACCOUNTS = [
    (Setup({**VONAGE_APP, **BLANK}), IN_VONAGE),
    (Setup({**NEXMO_APP, **BY_NEXMO}), IN_NEXMO),
    (Setup(here={**APP, **CAMEL}), HERE),
    (Setup(here={**APP, "api-key": "wrong", "api-secret": "wrong", **CAMEL}), HERE),
    (Setup(here={**APP, **KEBAB, "apiKey": "", "apiSecret": " "}), HERE),
    (Setup(home={**APP, **CAMEL}), HOME),
    # The account of another place may be another account.
    (Setup({**VONAGE_APP, **BY_NEXMO}, here={**APP, **CAMEL}), None),
    (Setup({**NEXMO_APP, **BY_VONAGE}, here={**APP, **CAMEL}), None),
    (Setup(BY_VONAGE, here=APP, home={**APP, **CAMEL}), None),
    # Vonage Cloud Runtime has no such variables.
    (Setup({**VCR_APP, **account_in("VCR_")}), None),
    # Half an account is none.
    (Setup({**VONAGE_APP, "VONAGE_API_SECRET": SECRET}), None),
    (Setup({**VONAGE_APP, "VONAGE_API_KEY": "abcd1234", "VONAGE_API_SECRET": " "}), None),
    (Setup(here={**APP, "apiSecret": SECRET}), None),
    (Setup(here={**APP, "apiKey": "abcd1234", "apiSecret": [SECRET]}), None),
    (Setup(here=APP), None),
]

# The same where the application is given as an argument: the first account that there is.
ACCOUNTS_OF_ARGUMENTS = [
    (Setup({"NEXMO_API_KEY": "wrong", "NEXMO_API_SECRET": "wrong", **BY_VONAGE}), IN_VONAGE),
    (Setup({"VONAGE_API_KEY": "wrong", **BY_NEXMO}), IN_NEXMO),
    (Setup(BY_NEXMO, here=OTHER), IN_NEXMO),
    (Setup(here=KEBAB, home=OTHER), HERE),
    (Setup(here=APP, home=CAMEL), HOME),
    (Setup(BY_VONAGE, here="{broken"), IN_VONAGE),
    (Setup({"VONAGE_API_KEY": "abcd1234", **account_in("VCR_")}), None),
]


@pytest.mark.parametrize(
    ("setup", "source", "is_given"),
    [*((*row, False) for row in ACCOUNTS), *((*row, True) for row in ACCOUNTS_OF_ARGUMENTS)],
    ids=itertools.count(),
)
def test_the_account_of_an_application_is_found_beside_it(
    setup: Setup, source: str | None, is_given: bool, in_place: Callable, nexmo: Sandbox
) -> None:
    in_place(setup)
    given = (nexmo.application_id, nexmo.private_key) if is_given else (None, None)
    account = accounts.find(credentials.find(*map(Hidden, given)).place)
    if source is None:
        assert account is None
        return
    assert (account.api_key.text(), account.api_secret.text()) == ("abcd1234", SECRET)
    assert account.source.endswith(source)
    assert account.name == "abcd1234"
    for shown in (repr(account), str(account), f"{account}", repr([*account]), account.source):
        assert SECRET not in shown


def test_an_account_at_a_broken_place_is_reported_and_not_skipped(in_place: Callable) -> None:
    in_place(Setup(here=f'{{"apiSecret": "{SECRET}"', home=CAMEL))
    with pytest.raises(CredentialsError, match=r"here/\.vonagerc is not JSON.*Fix it or") as caught:
        accounts.find(None)
    assert SECRET not in everything_shown_by(caught.value, frames=True)


def test_a_folder_is_no_file_of_the_cli(python: Callable, tmp_path: Path) -> None:
    (tmp_path / "here" / ".vonagerc").mkdir(parents=True)
    with pytest.raises(CredentialsError, match=r"here/\.vonagerc cannot be read: Is a directory"):
        python(Setup(home=CLI_TEXT))


def test_a_file_named_dot_vonage_counts_as_no_cli_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".vonage").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CredentialsError, match=r"\.vonage/config\.json \(no such file\)"):
        NexmoJWT()


def test_an_error_in_an_option_names_dash_a(typed: Run) -> None:
    setup = Setup(VONAGE_APP)
    assert typed(setup, "-a?ttl=29").stderr.startswith("http: error: nexmo-jwt: -a: ttl is 29 s")
    assert typed(setup, "-a?host=*").stderr.startswith("http: error: nexmo-jwt: -a: host has '*'")


def test_a_session_without_credentials_finds_them_anew(
    tmp_path: Path, nexmo: Sandbox, http_here: Run
) -> None:
    Setup(here=CLI_TEXT).write(tmp_path, nexmo)
    session = f"--session={tmp_path}/s.json"
    for arguments in ([AUTH_TYPE, "--auth=?sub=alice", session], [session]):
        result = http_here(*arguments, f"{nexmo.url}/v1/files/echo", cwd=tmp_path / "here")
        assert json.loads(result.stdout)["claims"]["sub"] == "alice"
    assert json.loads((tmp_path / "s.json").read_text())["auth"]["raw_auth"] == "?sub=alice"


def test_an_encrypted_key_is_opened_by_the_variable_or_names_it(
    keys: Keys, nexmo: Sandbox, tmp_path: Path, http_here: Run
) -> None:
    nexmo.accept_key(keys.public)
    (tmp_path / "locked.key").write_bytes(keys.encrypted)
    use = (AUTH_TYPE, f"-a{nexmo.application_id}:{tmp_path}/locked.key", f"{nexmo.url}/v1/calls")
    assert "Set VONAGE_PRIVATE_KEY_PASSPHRASE, or run http in a terminal" in http_here(*use).stderr
    result = http_here(*use, env={"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE})
    assert "_embedded" in result.stdout, result


def test_the_variable_opens_a_key_for_python_too(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VONAGE_PRIVATE_KEY_PASSPHRASE", PASSPHRASE)
    assert NexmoJWT("id", keys.encrypted) == NexmoJWT("id", keys.object)
    monkeypatch.setenv("VONAGE_APPLICATION_ID", "id")
    monkeypatch.setenv("VONAGE_PRIVATE_KEY", keys.encrypted.decode())
    assert NexmoJWT() == NexmoJWT("id", keys.object)
    with pytest.raises(NexmoJWTError, match=r"decrypt it\. Leave out the quotes"):
        NexmoJWT("id", keys.encrypted, passphrase=f'"{PASSPHRASE}"')
    with pytest.raises(NexmoJWTError, match="no passphrase was given"):
        NexmoJWT("id", keys.encrypted, passphrase="")
