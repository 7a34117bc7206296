"""What is logged about a refusal that nothing heals."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from conftest import Keys

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox


def test_a_worker_tells_of_its_own_401(
    nexmo: Sandbox, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = NexmoJWT(nexmo.application_id, key_file)
    requests.get(nexmo.url, auth=ours, timeout=10)
    requests.get(nexmo.url, auth=pickle.loads(pickle.dumps(ours)), timeout=10)
    warned = [record for record in caplog.records if record.getMessage().startswith("401 from")]
    assert len(warned) == 2


@pytest.mark.parametrize("clock_offset", [0, -0.9], ids=["right", "a Date that is a second old"])
def test_an_unexplained_401_is_told_once_with_what_is_known(
    clock_offset: float, nexmo: Sandbox, warnings: Callable, keys: Keys, tmp_path: Path
) -> None:
    nexmo.clock_offset = clock_offset
    (tmp_path / "other.key").write_bytes(keys.pkcs8)
    auth = NexmoJWT(nexmo.application_id, tmp_path / "other.key")
    for _ in range(3):
        response = requests.get(nexmo.url, auth=auth, timeout=10, stream=True)
        assert "signature" in response.json()["detail"]
    assert [re.sub(r"within \d s", "within 2 s", warning) for warning in warnings()] == [
        "401 from 127.0.0.1: token well-formed, clock within 2 s; most likely the key "
        f"({auth.fingerprint}) is not the one of application {nexmo.application_id}; "
        "run 'nexmo-jwt check' for details."
    ]


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_an_answer_that_is_no_acceptance_does_not_vouch_for_the_key(
    status: int, nexmo: Sandbox, warnings: Callable, key_file: Path
) -> None:
    auth = NexmoJWT(nexmo.application_id, key_file)
    nexmo.answer_next(status, {"Location": "/v1/calls"} if status == 302 else {})
    for _ in range(2):
        response = requests.get(nexmo.url, auth=auth, timeout=10)
    assert response.status_code == 401
    (warning,) = warnings()
    assert "is not the one of application" in warning


def test_a_mock_that_takes_any_key_does_not_vouch_for_it(
    nexmo: Sandbox, warnings: Callable, key_file: Path
) -> None:
    auth = NexmoJWT(nexmo.application_id, key_file)
    with Sandbox() as mock:
        mock.answer_next(200)
        assert requests.get(mock.url, auth=auth, timeout=10).ok
    assert requests.get(nexmo.url, auth=auth, timeout=10).status_code == 401
    (warning,) = warnings()
    assert "is not the one of application" in warning


def test_a_401_to_a_key_that_has_worked_does_not_accuse_the_key(
    nexmo: Sandbox, warnings: Callable
) -> None:
    auth = nexmo.auth(acl=["/v1/calls"])
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    assert requests.get(f"{nexmo.url}/v1/other", auth=auth, timeout=10).status_code == 401
    (warning,) = warnings()
    assert "this key was accepted before" in warning
    assert "is not the one of application" not in warning
