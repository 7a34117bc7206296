"""Under `nexmo-jwt-auto` as a default: what a person has set up elsewhere wins."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import APPLICATION_ID, Keys, Run, environment_of, key_text_in

from requests_nexmo_jwt.sandbox import Sandbox

CALLS = "https://api.nexmo.com/v1/calls"
APPLICATIONS = "https://api.nexmo.com/v2/applications"


@pytest.fixture
def by_default(http: Run, tmp_path: Path) -> Callable[..., object]:
    """Run an `http --offline` whose default is `nexmo-jwt-auto`."""
    folder = tmp_path / "httpie"
    folder.mkdir()
    (folder / "config.json").write_text('{"default_options": ["--auth-type=nexmo-jwt-auto"]}')

    def run(*arguments: str, env: dict[str, str] | None = None) -> object:
        env = {"HTTPIE_CONFIG_DIR": str(folder), **(env or {})}
        return http("--offline", "--print=H", *arguments, env=env)

    return run


def session_of(path: Path, **content: object) -> str:
    meta = {"about": "HTTPie session file", "help": "x", "httpie": "3.2.4"}
    empty = {"__meta__": meta, "auth": {"raw_auth": None, "type": None}, "cookies": []}
    path.write_text(json.dumps({**empty, "headers": [], **content}))
    return f"--session={path}"


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_header_that_a_session_keeps_is_sent_and_its_file_stays(
    name: str, by_default: Callable, nexmo: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "session.json"
    session = session_of(path, headers=[{"name": name, "value": "Bearer mine"}])
    for _ in range(2):
        result = by_default(session, CALLS, env=environment_of(nexmo))
        assert f"{name}: Bearer mine\n" in result.stdout
    stored = json.loads(path.read_text())
    assert stored["auth"] == {"raw_auth": None, "type": None}
    assert stored["headers"][0]["value"] == "Bearer mine"
    assert "nexmo-jwt" not in path.read_text()


def test_a_product_that_takes_the_account_s_key_is_left_to_httpie(
    by_default: Callable, nexmo: Sandbox, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.nexmo.com login u password p\n")
    netrc.chmod(0o600)
    for env in (environment_of(nexmo), {}):  # with credentials for a token, and without
        result = by_default(APPLICATIONS, env={"NETRC": str(netrc), **env})
        assert "Authorization: Basic dTpw\n" in result.stdout
    assert "Authorization" not in by_default(APPLICATIONS, env=environment_of(nexmo)).stdout
    result = by_default(CALLS, env={"NETRC": str(netrc), **environment_of(nexmo)})
    assert "Authorization: Bearer ey" in result.stdout


def test_without_credentials_the_error_names_the_default_and_the_way_out(
    by_default: Callable,
) -> None:
    result = by_default(CALLS)
    assert result.returncode == 1
    assert "This is nexmo-jwt-auto, probably from default_options in HTTPie's" in result.stderr
    assert "--no-auth-type sends the request without it" in result.stderr
    assert by_default("--no-auth-type", CALLS).returncode == 0


# What -a says, for a host with a typo. {pem} is the text of a key.
TYPED = [
    f"{APPLICATION_ID}:private.key",
    f"{APPLICATION_ID.upper()}:private.key",
    f"{APPLICATION_ID}:private.key?ttl=60",
    f"{APPLICATION_ID}:{{pem}}",
    "abcd1234:{pem}",
    "{pem}",
    f"{APPLICATION_ID}:{{base64 of pem}}",
    "{base64 of pem}:x",
    "x:{body}",
    f'"{APPLICATION_ID}":private.key',
    "?sub=alice",
]


@pytest.mark.parametrize("typed", TYPED)
def test_an_id_and_its_key_are_never_sent_as_basic(
    typed: str, by_default: Callable, keys: Keys
) -> None:
    pem = keys.pkcs8.decode()
    texts = {
        "base64 of pem": b64encode(keys.pkcs8).decode(),
        "body": "".join(pem.split("\n")[1:-2]),
    }
    auth = typed.format(pem=pem, **texts)
    result = by_default("-a", auth, "https://api.nexm0.com/v1/calls")
    assert (result.returncode, result.stdout) == (1, "")
    holds_key = re.search("pem|body", typed)
    words = "any process on this machine can read" if holds_key else "https://api.nexm0.com is"
    assert words in result.stderr
    assert key_text_in(result.stderr, keys.pkcs8) is None


def test_credentials_of_another_kind_are_sent_as_they_are(by_default: Callable) -> None:
    result = by_default("-a", "u:p", "https://api.nexm0.com/v1/calls")
    assert "Authorization: Basic dTpw\n" in result.stdout


def test_the_auth_of_a_session_that_is_out_of_scope_has_a_way_out_that_works(
    http: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    raw = f"{nexmo.application_id}:{nexmo.private_key}"
    session = session_of(tmp_path / "s.json", auth={"raw_auth": raw, "type": "nexmo-jwt"})
    result = http("--offline", session, "https://example.org/")
    assert "--no-auth-type" not in result.stderr
    assert "leave out --session, or use another session" in result.stderr
    assert "type -a again, with ?host=https://example.org at its end" in result.stderr
    assert http("--offline", "https://example.org/").returncode == 0
    other = "https://example.org"
    allowed = http("--offline", session, "-Anexmo-jwt", f"-a{raw}?host={other}", other)
    assert "Authorization: Bearer ey" in allowed.stdout
