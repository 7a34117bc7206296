"""The fixture ``nexmo`` in the tests of people who build on this: a real pytest run of its own."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from conftest import REPOSITORY


@pytest.fixture
def somebody(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has credentials, a proxy and the Vonage CLI."""
    home = tmp_path / "somebody"
    (home / ".vonage").mkdir(parents=True)
    (home / ".vonage" / "config.json").write_text('{"app-id": "theirs", "private-key": "x"}')
    theirs = {"VONAGE_APPLICATION_ID": "theirs", "VONAGE_PRIVATE_KEY": "/nowhere"}
    theirs |= {"NEXMO_APPLICATION_ID": "theirs", "VCR_API_APPLICATION_ID": "theirs"}
    theirs |= {"VONAGE_PRIVATE_KEY_PASSPHRASE": "theirs", "VONAGE_PRIVATE_KEY64": "theirs"}
    theirs |= {"NEXMO_JWT_HOSTS": "example.com", "HTTP_PROXY": "http://127.0.0.1:9"}
    return {**os.environ, "HOME": str(home), "no_proxy": "example.org", **theirs}


def run(test: str, folder: Path, env: dict[str, str], *options: str) -> str:
    (folder / "test_theirs.py").write_text(test)
    (folder / ".vonagerc").write_text('{"app-id": "theirs", "private-key": "x"}')
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *options, "test_theirs.py"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return result.stdout + result.stderr


def test_the_page_on_testing_passes_word_for_word(tmp_path: Path, somebody: dict[str, str]) -> None:
    page = (REPOSITORY / "docs" / "testing.md").read_text()
    *blocks, alone = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shown = run("\n\n".join(blocks), tmp_path, somebody)
    assert f"{len(blocks)} passed" in shown, shown
    script = f"{blocks[0]}\n{alone}"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)


def test_nothing_but_the_sandbox_is_found_or_reached_and_all_is_as_before_then(
    tmp_path: Path, somebody: dict[str, str]
) -> None:
    test = """
import os, subprocess, sys
import pytest, requests
from requests_nexmo_jwt import NexmoJWT, ScopeError

BEFORE = dict(os.environ)

def test_here(nexmo):
    auth = NexmoJWT()
    assert auth.source == "environment: VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY (a path)"
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    assert "theirs" not in {os.environ[name] for name in os.environ if name != "PYTEST_VERSION"}
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1"
    with pytest.raises(ScopeError, match="NEXMO_JWT_HOSTS names only http://127"):
        requests.get("https://api.nexmo.com/v1/calls", auth=auth, timeout=10)

def test_in_a_process(nexmo):
    script = "import sys, requests, requests_nexmo_jwt as ours; "
    script += "requests.get(sys.argv[1], auth=ours.NexmoJWT()).raise_for_status()"
    subprocess.run([sys.executable, "-c", script, nexmo.url], check=True)
    assert nexmo.requests[-1].accepted

def test_rotation(nexmo):
    before = {"Authorization": NexmoJWT().header(f"{nexmo.url}/v1/calls")}
    assert requests.get(f"{nexmo.url}/v1/calls", headers=before, timeout=10).ok
    nexmo.rotate_key()
    assert requests.get(f"{nexmo.url}/v1/calls", headers=before, timeout=10).status_code == 401
    assert requests.get(f"{nexmo.url}/v1/calls", auth=NexmoJWT(), timeout=10).ok

def test_undo(nexmo, monkeypatch):
    monkeypatch.undo()
    assert requests.get(f"{nexmo.url}/v1/calls", auth=NexmoJWT(), timeout=10).ok

def test_afterwards():
    assert {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} == {
        k: v for k, v in BEFORE.items() if not k.startswith("PYTEST")}
"""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef nexmo(): return 'mine'\n"
    )
    mine = "def test_a_fixture_of_the_same_name_goes_before(nexmo): assert nexmo == 'mine'"
    (tmp_path / "mine" / "test_mine.py").write_text(mine)
    shown = run(test, tmp_path, somebody, "mine")
    assert "6 passed" in shown, shown


def test_a_run_that_does_not_use_it_imports_one_module_of_ours(
    tmp_path: Path, somebody: dict[str, str]
) -> None:
    test = """
import sys

def test_modules():
    ours = {name for name in sys.modules if name.startswith("requests_nexmo_jwt")}
    assert ours == {"requests_nexmo_jwt", "requests_nexmo_jwt.pytest_plugin"}
    assert not {"jwt", "cryptography"} & set(sys.modules)
"""
    shown = run(test, tmp_path, somebody)
    assert "1 passed" in shown, shown
    assert "nexmo-jwt" in {plugin.name for plugin in entry_points(group="pytest11")}
