"""The passphrase of an encrypted key, asked for on a terminal."""

from pathlib import Path

import hermetic
import pytest
from conftest import (
    AUTH_TYPE,
    HTTP,
    NEXMO_JWT,
    PASSPHRASE,
    Keys,
    Run,
    at_a_terminal,
    forge,
)

from requests_nexmo_jwt.sandbox import Sandbox


def test_a_passphrase_is_asked_for_on_a_terminal_only(
    nexmo_jwt: Run, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "locked.key").write_bytes(keys.encrypted)
    arguments = ["token", "--app-id", "x", "--private-key", str(tmp_path / "locked.key")]
    shown = at_a_terminal([str(NEXMO_JWT), *arguments], {"HOME": str(tmp_path)}, PASSPHRASE)
    assert shown.count("Passphrase for") == 1
    assert "eyJ" in shown
    assert PASSPHRASE not in shown
    env = {"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
    assert nexmo_jwt(*arguments, env=env).stdout.startswith("eyJ")
    token = forge(keys)
    arguments = ["inspect", token, "--private-key", str(tmp_path / "locked.key")]
    shown = at_a_terminal([str(NEXMO_JWT), *arguments], {"HOME": str(tmp_path)}, PASSPHRASE)
    assert "the signature was made with your key" in shown
    assert "the signature was made with your key" in nexmo_jwt(*arguments, env=env).stdout


@pytest.fixture
def locked(keys: Keys, nexmo: Sandbox, tmp_path: Path) -> Path:
    nexmo.accept_key(keys.public)
    path = tmp_path / "locked.key"
    path.write_bytes(keys.encrypted)
    hermetic.environment(tmp_path)  # so that HTTPie asks nobody for its newest version
    return path


def test_http_asks_for_the_passphrase_on_a_terminal_once(
    locked: Path, nexmo: Sandbox, tmp_path: Path
) -> None:
    session = f"--session={tmp_path}/s.json"
    url = f"{nexmo.url}/v1/calls"
    first = [str(HTTP), AUTH_TYPE, f"-a{nexmo.application_id}:{locked}", session, url]
    for command in (first, [str(HTTP), session, url]):
        shown = at_a_terminal(command, {"HOME": str(tmp_path)}, PASSPHRASE)
        assert shown.count(f"Passphrase for {locked}: ") == 1
        assert '"_embedded"' in shown
        assert PASSPHRASE not in shown
    assert PASSPHRASE not in (tmp_path / "s.json").read_text()


def test_http_reports_a_wrong_passphrase_that_was_typed(
    locked: Path, nexmo: Sandbox, tmp_path: Path
) -> None:
    command = [str(HTTP), AUTH_TYPE, f"-a{nexmo.application_id}:{locked}", nexmo.url]
    shown = at_a_terminal(command, {"HOME": str(tmp_path)}, "mellon")
    assert "does not decrypt it" in shown
    assert "mellon" not in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("program", "typed"),
    [("http", "\x04"), ("http", ""), ("http", "caf\udce9"), ("nexmo-jwt", "")],
    ids=["Ctrl-D", "an empty line", "no UTF-8", "an empty line for nexmo-jwt"],
)
def test_where_no_passphrase_is_typed_the_error_names_the_variable(
    program: str, typed: str, locked: Path, nexmo: Sandbox, tmp_path: Path
) -> None:
    ours = (f"--app-id={nexmo.application_id}", f"--private-key={locked}")
    command = [str(NEXMO_JWT), "token", *ours]
    if program == "http":
        command = [str(HTTP), AUTH_TYPE, f"-a{nexmo.application_id}:{locked}", nexmo.url]
    shown = at_a_terminal(command, {"HOME": str(tmp_path), "PYTHONUTF8": "1"}, typed)
    assert "VONAGE_PRIVATE_KEY_PASSPHRASE" in shown
    assert "Traceback" not in shown
    assert "failed with" not in shown


def test_http_never_asks_under_ignore_stdin(locked: Path, nexmo: Sandbox, tmp_path: Path) -> None:
    auth = f"-a{nexmo.application_id}:{locked}"
    command = [str(HTTP), "--ignore-stdin", AUTH_TYPE, auth, nexmo.url]
    shown = at_a_terminal(command, {"HOME": str(tmp_path)}, PASSPHRASE)
    assert "Passphrase for" not in shown
    assert "VONAGE_PRIVATE_KEY_PASSPHRASE" in shown
