"""Requests and responses that are kept: pickled, sent again, recorded and replayed."""

import copy
import pickle
import re
from pathlib import Path

import jwt
import pytest
import requests
import requests_mock
import responses
import vcr
from conftest import NO_TOKEN, PASSPHRASE, Keys, key_text_in

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox

OLD = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
URL = "https://api.nexmo.com/v1/calls"


def jti_of(request: requests.PreparedRequest) -> str:
    token = str(request.headers["Authorization"]).removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})["jti"]


# What a response answered, and the options with which it was asked for.
ANSWERS = {
    "a request": (200, {}),
    "a redirect that was followed": (302, {}),
    "a redirect that was not followed": (302, {"allow_redirects": False}),
    "a second try": (401, {}),
}


@pytest.mark.parametrize("form", ["path", "PEM text", "object", "encrypted"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_response_pickles_whatever_the_key_and_without_it(
    answer: str, form: str, keys: Keys, key_file: Path, nexmo: Sandbox
) -> None:
    nexmo.accept_key(keys.public)
    key = {"path": key_file, "PEM text": keys.pkcs8.decode(), "object": keys.object}.get(form)
    auth = NexmoJWT(nexmo.application_id, key or keys.encrypted, passphrase=PASSPHRASE)
    status, options = ANSWERS[answer]
    nexmo.answer_next(status, headers={"Location": "/v1/calls", **(OLD if status == 401 else {})})
    response = requests.get(f"{nexmo.url}/v1/files/first", auth=auth, timeout=10, **options)

    data = pickle.dumps(response)
    assert key_text_in(data.decode("latin1"), keys.pkcs8) is None
    assert key_text_in(data.decode("latin1"), keys.encrypted) is None
    assert PASSPHRASE.encode() not in data
    assert str(key_file).encode() not in data
    assert b"NexmoJWT" not in data
    again = pickle.loads(data)
    assert (again.status_code, again.content) == (response.status_code, response.content)
    with requests.Session() as session:
        session.send(again.request, timeout=10)
    assert nexmo.requests[-1].claims["jti"] == jti_of(response.request)
    assert copy.deepcopy(response.request).headers == response.request.headers


def test_a_request_that_was_redirected_elsewhere_can_be_sent_again(nexmo: Sandbox) -> None:
    with Sandbox() as elsewhere, requests.Session() as session:
        prepared = requests.Request(
            "GET", f"{nexmo.url}/v1/files/first", auth=nexmo.auth()
        ).prepare()
        header = prepared.headers["Authorization"]
        for _ in range(2):
            nexmo.answer_next(302, headers={"Location": f"{elsewhere.url}/v1/files/there"})
            response = session.send(prepared, timeout=10)
            assert response.history[0].request is prepared
            assert prepared.headers["Authorization"] == header
        assert [seen.claims["jti"] for seen in nexmo.requests] == [jti_of(prepared)] * 2
        assert [seen.verdict for seen in elsewhere.requests] == [NO_TOKEN] * 2


def test_the_request_of_a_second_try_is_tried_twice_too_when_it_is_sent_again(
    nexmo: Sandbox,
) -> None:
    with requests.Session() as session:
        nexmo.clock_offset = -3600
        response = session.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
        nexmo.clock_offset = 3600
        again = session.send(response.request, timeout=10)
    assert [len(answer.history) for answer in (response, again)] == [1, 1]
    assert again.ok


def test_a_copy_that_is_signed_leaves_the_original_its_hook(nexmo: Sandbox) -> None:
    auth = nexmo.auth()
    prepared = requests.Request("GET", f"{nexmo.url}/v1/calls", auth=auth).prepare()
    auth(prepared.copy())
    nexmo.clock_offset = -3600
    with requests.Session() as session:
        assert len(session.send(prepared, timeout=10).history) == 1


# ---- Tools that record and replay: a second answer may be there or not -----------------------


def test_responses_records_what_was_sent_and_replays_an_old_refusal(keys: Keys) -> None:
    auth = NexmoJWT("id", keys.object)
    with responses.RequestsMock() as mock:
        mock.get(URL, status=302, headers={"Location": "/v1/files/second"})
        mock.get("https://api.nexmo.com/v1/files/second", status=401, headers=OLD)
        response = requests.get(URL, auth=auth, timeout=10)
        assert response.status_code == 401
        assert [call.request.path_url for call in mock.calls] == [
            "/v1/calls",
            *["/v1/files/second"] * 2,
        ]
        assert len({jti_of(call.request) for call in mock.calls}) == 2
        assert (
            requests.get("https://api.nexmo.com/v1/files/second", auth=auth, timeout=10).history
            == []
        )


def test_requests_mock_records_what_was_sent_and_replays_an_old_refusal(keys: Keys) -> None:
    auth = NexmoJWT("id", keys.object)
    with requests_mock.Mocker() as mock:
        mock.get(URL, status_code=401, headers=OLD)
        assert requests.get(URL, auth=auth, timeout=10).status_code == 401
        assert len({request.headers["Authorization"] for request in mock.request_history}) == 2
        mock.get(URL, status_code=302, headers={"Location": "https://elsewhere.test/"})
        mock.get("https://elsewhere.test/")
        assert requests.get(URL, auth=auth, timeout=10).ok
        *_, redirected, elsewhere = mock.request_history
        assert redirected.headers["Authorization"].startswith("Bearer ")
        assert "Authorization" not in elsewhere.headers


@pytest.mark.parametrize("clock_offset", [0, -3600])
def test_vcrpy_replays_what_it_recorded_with_or_without_a_second_try(
    clock_offset: int, keys: Keys, tmp_path: Path, nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that had one answer when it was recorded looks like a wrong clock later."""
    nexmo.clock_offset = clock_offset
    key = keys.object if clock_offset == 0 else nexmo.private_key
    recorder = vcr.VCR(filter_headers=["authorization"], cassette_library_dir=str(tmp_path))

    def status() -> int:
        auth = NexmoJWT(nexmo.application_id, key)
        with recorder.use_cassette("calls.yaml"):
            return requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code

    recorded = status()
    assert recorded == (401 if clock_offset == 0 else 200)
    seen = len(nexmo.requests)
    kept = (tmp_path / "calls.yaml").read_text()
    assert "eyJ" not in kept
    (tmp_path / "calls.yaml").write_text(re.sub(r" 20\d\d ", " 2024 ", kept))
    assert status() == recorded
    assert len(nexmo.requests) == seen


def test_a_tool_may_call_the_hook_once_more_with_arguments_of_its_own(nexmo: Sandbox) -> None:
    """As requests-cache does, whose arguments an adapter does not take."""
    nexmo.clock_offset = -3600
    nexmo.answer_next(401)
    request = requests.Request("GET", f"{nexmo.url}/v1/calls", auth=nexmo.auth()).prepare()
    with requests.Session() as session:
        adapter = session.get_adapter(nexmo.url)
        response = adapter.send(request, timeout=10)
        response.connection = adapter
        answer = requests.hooks.dispatch_hook(
            "response", request.hooks, response, expire_after=3600, only_if_cached=False, timeout=10
        )
    assert answer.ok
