"""The fixture ``nexmo`` in the tests of people who build on this: a real pytest run of its own."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from conftest import APPLICATION_ID, REPOSITORY, Keys


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
URL = "https://api.nexmo.com/v1/calls"

def test_here(nexmo):
    auth = NexmoJWT()
    assert auth.source == "environment: VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY (a path)"
    assert requests.get(URL, auth=auth, timeout=10).json()["count"] == 1
    assert "theirs" not in {os.environ[name] for name in os.environ if name != "PYTEST_VERSION"}
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "example.org,127.0.0.1"
    with pytest.raises(ScopeError, match="NEXMO_JWT_ENDPOINT allows only http://127"):
        requests.get("https://example.com/", auth=auth, timeout=10)

def test_in_a_process(nexmo):
    script = "import sys, requests, requests_nexmo_jwt as ours; "
    script += "requests.get(sys.argv[1], auth=ours.NexmoJWT()).raise_for_status()"
    subprocess.run([sys.executable, "-c", script, URL], check=True)
    assert nexmo.requests[-1].accepted

def test_rotation(nexmo):
    before = {"Authorization": NexmoJWT().header(nexmo.url)}
    url = f"{nexmo.url}/v1/calls"
    assert requests.get(url, headers=before, timeout=10).ok
    nexmo.rotate_key()
    assert requests.get(url, headers=before, timeout=10).status_code == 401
    assert requests.get(url, auth=NexmoJWT(), timeout=10).ok

def test_undo(nexmo, monkeypatch):
    monkeypatch.undo()
    assert requests.get(URL, auth=NexmoJWT(), timeout=10).ok

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


def test_an_object_of_the_first_test_works_in_all_and_nothing_else_is_left_of_it(
    tmp_path: Path, somebody: dict[str, str]
) -> None:
    test = """
import functools, logging, sys
import requests
from requests_nexmo_jwt import NexmoJWT

@functools.cache
def auth():
    return NexmoJWT()

def count():
    response = requests.get("https://api.nexmo.com/v1/calls", auth=auth(), timeout=10)
    return response.json()["count"], len(response.history)

seen = set()

def test_first(nexmo):
    requests.post("https://api.nexmo.com/v1/calls", auth=auth(), json={}, timeout=10)
    assert count() == (2, 0)
    seen.add((nexmo.url, nexmo.application_id))

def test_a_wrong_clock_and_an_answer(nexmo):
    assert len(nexmo.requests) == 0
    nexmo.clock_offset = -3600
    nexmo.answer("GET", "/v1/calls", body={"count": 7})
    assert count() == (7, 1)
    seen.add((nexmo.url, nexmo.application_id))

def test_a_rotated_key(nexmo):
    nexmo.rotate_key()
    assert count() == (1, 0)
    seen.add((nexmo.url, nexmo.application_id))

def test_last(nexmo, caplog):
    assert count() == (1, 0)
    assert [r for r in caplog.records if r.name == "requests_nexmo_jwt"] == []
    seen.add((nexmo.url, nexmo.application_id))
    assert (len(seen), len(set(dict(seen).values()))) == (4, 1)
"""
    shown = run(test, tmp_path, somebody)
    assert "4 passed" in shown, shown


AT_COLLECTION = """
import requests
from requests_nexmo_jwt import NexmoJWT

auth = NexmoJWT()

def test_it(nexmo):
    response = requests.get("https://api.nexmo.com/v1/calls", auth=auth, timeout=10)
    assert response.ok
"""


def test_an_object_made_at_collection_is_refused_there_or_by_the_sandbox_which_says_so(
    tmp_path: Path, keys: Keys, somebody: dict[str, str]
) -> None:
    shown = run(AT_COLLECTION, tmp_path, somebody)
    assert "errors during collection" in shown or "error in" in shown
    assert "requests_nexmo_jwt.errors.PrivateKeyError: VONAGE_PRIVATE_KEY names" in shown
    (tmp_path / "theirs.key").write_bytes(keys.pkcs8)
    theirs = {"VONAGE_APPLICATION_ID": APPLICATION_ID, "VONAGE_PRIVATE_KEY": "theirs.key"}
    unset = {"VONAGE_PRIVATE_KEY_PASSPHRASE": ""}
    shown = run(AT_COLLECTION, tmp_path, {**somebody, **theirs, **unset})
    assert "1 failed" in shown
    verdict = f"GET /v1/calls: 401, application_id '{APPLICATION_ID}' is not the sandbox's: "
    assert verdict + "was this auth object made before the fixture" in shown
    assert "PRIVATE KEY" not in shown


SUITE = """
import json, os, subprocess, sys
import httpx, requests
from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.httpx import NexmoJWT as ForHttpx

URL = "https://api.nexmo.com/v1/calls"
NCCO = [{"action": "talk", "text": "Hello"}]


def call(number):
    body = {"to": [{"type": "phone", "number": number}], "ncco": NCCO}
    answer = requests.post(URL, auth=NexmoJWT(), json=body, timeout=10)
    answer.raise_for_status()
    return answer.json()["uuid"]


def status(uuid):
    with httpx.Client(base_url="https://api.nexmo.com", auth=ForHttpx()) as client:
        return client.get(f"/v1/calls/{uuid}").json()["status"]


def numbers():
    http = [os.path.join(os.path.dirname(sys.executable), "http"), "--ignore-stdin"]
    shown = subprocess.run([*http, "-A", "nexmo-jwt", URL], check=True, capture_output=True).stdout
    return [call["to"]["number"] for call in json.loads(shown)["_embedded"]["calls"]]


def test_a_call_is_made_and_listed(nexmo):
    assert status(call("14155550100")) == "started"
    assert numbers() == ["14155550100", "447700900000"]


def test_the_next_test_starts_anew(nexmo):
    assert numbers() == ["447700900000"]
    sent = {"from": "Us", "to": "14155550100", "message_type": "text", "channel": "sms"}
    answer = requests.post("https://api.nexmo.com/v1/messages", auth=NexmoJWT(), json=sent)
    assert (answer.status_code, list(answer.json())) == (202, ["message_uuid"])
    assert nexmo.requests[-1].json() == sent
"""


def test_a_suite_with_vonage_s_urls_throughout_passes_unchanged(
    tmp_path: Path, somebody: dict[str, str]
) -> None:
    shown = run(SUITE, tmp_path, somebody)
    assert "2 passed" in shown, shown


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
