"""One more try with the time of a server whose clock explains a refusal."""

import io
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
import requests
from conftest import Keys, answering
from cryptography.hazmat.primitives.asymmetric import rsa

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.exchange.clock import ServerClock, server_time
from requests_nexmo_jwt.sandbox import Sandbox
from requests_nexmo_jwt.token.signer import Token


def jti_of(response: requests.Response) -> str:
    token = response.request.headers["Authorization"].removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})["jti"]


# What happens to a server's clock, and the offsets to sign with and to give to others then.
TRANSITIONS = [
    ([], 0, 0),
    ([("suggested", 60)], 60, 0),
    ([("suggested", 60), ("accepted", 60)], 60, 60),
    ([("suggested", 60), ("refused", 60)], 0, 0),
    ([("suggested", 60), ("accepted", 60), ("suggested", 90), ("refused", 90)], 60, 60),
    ([("suggested", 60), ("suggested", 90), ("refused", 90)], 0, 0),
    # A late answer to a token that was signed with another offset says nothing of this one.
    ([("suggested", 60), ("refused", 0)], 60, 0),
    ([("suggested", 60), ("accepted", 0)], 60, 0),
    ([("suggested", 60), ("accepted", 60), ("refused", 0)], 60, 60),
    ([("suggested", 60), ("accepted", 60), ("accepted", 0)], 60, 60),
]


@pytest.mark.parametrize(("events", "offset", "confirmed"), TRANSITIONS)
def test_a_clock_follows_a_suggestion_until_it_is_confirmed_or_refused(
    events: list[tuple[str, float]], offset: float, confirmed: float
) -> None:
    clock = ServerClock()
    for event, value in events:
        getattr(clock, event)(value, *(["key"] if event == "accepted" else []))
    assert (clock.offset, clock.confirmed) == (offset, confirmed)


DATE = "Thu, 01 Nov 2018 08:17:10 GMT"


@pytest.mark.parametrize(
    ("date", "age", "moment"),
    [
        (DATE, None, 1541060230),
        ("Thu, 01 Nov 2018 09:17:10 +0100", None, 1541060230),
        (DATE.replace("GMT", "-0000"), None, 1541060230),
        (DATE.replace("GMT", "UT"), None, 1541060230),
        (DATE, "90", 1541060320),
        (DATE, "soon", 1541060230),
        (DATE, "-90", 1541060230),
        (DATE, "9" * 5000, 1541060230),
        (None, None, None),
        ("", None, None),
        ("yesterday", "90", None),
        ("Mon, 00 Jan 0000 00:00:00 GMT", None, None),
        ("Thu, 01 Jan 2026 99:99:99 GMT", None, None),
        ("Thu, 01 Jan 99999999999 00:00:00 GMT", None, None),
        ("Thu, 01 Jan 2026 00:00:00 +999999", None, None),
        ("1541060230", None, None),
        ("\xff", None, None),
    ],
)
def test_a_server_s_time_is_its_date_and_the_age_of_the_answer(
    date: str | None, age: str | None, moment: float | None
) -> None:
    assert server_time(date, age) == moment


# Seconds that the server is ahead. Below one second, chance decides whether a Date shows it.
HEALED = [-1.5, -2, -3, -5, -10, -20, -29, -31, -100, 1000, 4000, 400 * 86400, -400 * 86400]


@pytest.mark.parametrize("offset", HEALED)
def test_a_token_of_another_time_is_replaced_with_one_more_try_and_the_clock_followed(
    offset: float, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = offset
    auth = nexmo.auth()
    response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert ("expired" if offset > 0 else "in the future") in nexmo.requests[0].verdict
    assert [hop.status_code for hop in [*response.history, response]] == [401, 200]
    sent = [jti_of(hop) for hop in [*response.history, response]]
    assert sent == [seen.claims["jti"] for seen in nexmo.requests]
    assert response.elapsed.total_seconds() > 0
    for _ in range(3):
        assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).history == []
    claims = jwt.decode(auth.token(), options={"verify_signature": False})
    assert abs(claims["iat"] - time.time()) < 5  # for any server: by this machine's clock
    if abs(offset) < 5:
        return  # too little to be reported
    (warning,) = warnings()
    assert "127.0.0.1" in warning
    seconds = int(re.search(rf"is (\d+) s {'ahead of' if offset > 0 else 'behind'}", warning)[1])
    assert abs(seconds - abs(offset)) <= 2


@pytest.mark.parametrize("offset", [-5, 3600])
def test_a_403_is_tried_again_too(offset: float, nexmo: Sandbox) -> None:
    nexmo.clock_offset = offset
    nexmo.answer_next(403)
    response = requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
    assert [hop.status_code for hop in [*response.history, response]] == [403, 200]


@pytest.mark.parametrize("offset", [0, 45, 300])
def test_a_refusal_that_the_clock_does_not_explain_is_returned_as_it_is(
    offset: float, nexmo: Sandbox, key_file: Path
) -> None:
    nexmo.clock_offset = offset
    auth = NexmoJWT(nexmo.application_id, key_file)
    if time.time() % 1 > 0.7:
        time.sleep(1.001 - time.time() % 1)  # not just before a second ends
    for _ in range(3):
        response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
        assert (response.status_code, response.history) == (401, [])
    assert len(nexmo.requests) == 3


def test_a_wrong_key_and_a_wrong_clock_cost_a_handful_of_second_tries(
    nexmo: Sandbox, key_file: Path
) -> None:
    nexmo.clock_offset = -1.5
    auth = NexmoJWT(nexmo.application_id, key_file)
    with requests.Session() as session:
        for _ in range(100):
            assert session.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    assert 101 <= len(nexmo.requests) <= 104


@pytest.mark.parametrize("second", [401, 403])
@pytest.mark.parametrize("first", [401, 403])
def test_a_second_try_that_is_refused_in_whatever_way_was_in_vain(
    first: int, second: int, nexmo: Sandbox
) -> None:
    nexmo.clock_offset = -5
    auth = nexmo.auth()
    nexmo.answer_next(first)
    for _ in range(10):
        nexmo.answer_next(second)
    for _ in range(10):
        requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert len(nexmo.requests) == 11


def test_a_403_about_something_else_leaves_the_clock_as_it_was_found(nexmo: Sandbox) -> None:
    nexmo.clock_offset = 3600
    nexmo.answer("GET", "/v1/files/x", 403)
    auth = nexmo.auth(acl=["/*/files/**"])
    for path, statuses in {"/v1/files/x": [401, 403], "/v1/calls": [403]}.items():
        response = requests.get(f"{nexmo.url}{path}", auth=auth, timeout=10)
        assert [hop.status_code for hop in [*response.history, response]] == statuses
    assert nexmo.requests[-1].verdict.startswith("acl")


@pytest.mark.parametrize(
    ("moment", "is_valid"), [(99, False), (100, True), (129, True), (130, False)]
)
def test_a_token_is_valid_from_iat_until_just_before_exp(moment: int, is_valid: bool) -> None:
    assert Token("a.b.c", iat=100, exp=130, fingerprint="").is_valid_at(moment) == is_valid


# What lets a clock be followed once more after a second try with 60 s and this key was in vain.
WORTH_A_TRY = {
    "nothing": (lambda clock: None, 60, "key", False),
    "a Date within its second": (lambda clock: None, 61.5, "key", False),
    "another Date": (lambda clock: None, 63, "key", True),
    "another key": (lambda clock: None, 60, "new key", True),
    "an accepted token": (lambda clock: clock.accepted(0, "key"), 60, "key", True),
}


@pytest.mark.parametrize("case", WORTH_A_TRY)
def test_a_second_try_in_vain_keeps_others_away_until_something_changes(case: str) -> None:
    happens, offset, key, is_worth_it = WORTH_A_TRY[case]
    clock = ServerClock()
    assert clock.is_worth_a_try(60, "key")
    clock.suggested(60)
    clock.tried_in_vain(60, "key")
    assert clock.offset == 0
    happens(clock)
    assert clock.is_worth_a_try(offset, key) == is_worth_it


def test_a_minute_after_a_second_try_in_vain_there_may_be_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, started = ServerClock(), time.monotonic()
    clock.tried_in_vain(60, "key")
    monkeypatch.setattr(time, "monotonic", lambda: started + 59)
    assert not clock.is_worth_a_try(60, "key")
    monkeypatch.setattr(time, "monotonic", lambda: started + 62)
    assert clock.is_worth_a_try(60, "key")


def test_a_clock_that_is_set_right_again_heals_the_same_way(
    nexmo: Sandbox, warnings: Callable
) -> None:
    auth = nexmo.auth()
    for offset in (-3600, 0, 7200, 0):
        nexmo.clock_offset = offset
        assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    assert [seen.status for seen in nexmo.requests] == [401, 200, 401, 200, 401, 200, 401, 200]
    assert [("agree again" in warning) for warning in warnings()] == [False, True, False, True]


REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


def test_the_clock_of_one_server_is_not_taken_for_the_clock_of_another(
    nexmo: Sandbox, nexmo_key: rsa.RSAPrivateKey
) -> None:
    same = {"application_id": nexmo.application_id, "key": nexmo_key}
    with Sandbox(clock_offset=300 * 86400, **same) as other:
        auth = nexmo.auth()
        for _ in range(2):
            assert requests.get(f"{other.url}/v1/calls", auth=auth, timeout=10).ok
            once = (b"x" for _ in range(3))
            assert requests.post(f"{nexmo.url}/v1/calls", auth=auth, data=once, timeout=10).ok
        assert [seen.status for seen in nexmo.requests] == [201, 201]
        assert [seen.status for seen in other.requests] == [401, 200, 200]


def test_a_401_after_the_second_try_is_returned_and_its_date_not_believed(
    nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = 3600
    auth = NexmoJWT("another", nexmo.private_key)
    for tries in (2, 1):  # the second request is within a minute of a second try in vain
        response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
        assert response.status_code == 401
        assert len(response.history) == tries - 1
    assert len(nexmo.requests) == 3
    (warning,) = warnings()
    assert re.search(r"clock (3600|359\d) s behind", warning)
    claims = jwt.decode(auth.token(), options={"verify_signature": False})
    assert abs(claims["iat"] - time.time()) < 5


BODIES: dict[str, Callable[[Path], dict[str, object]]] = {
    "bytes": lambda path: {"data": b"x" * 70_000},
    "bytearray": lambda path: {"data": bytearray(b"x" * 5000)},
    "text": lambda path: {"data": "é" * 1000},
    "form": lambda path: {"data": {"a": "1"}},
    "JSON": lambda path: {"json": {"to": ["1", "2"]}},
    "file": lambda path: {"data": path.open("rb")},
    "file from where it stood": lambda path: {"data": at(path.open("rb"), 1000)},
    "file in memory": lambda path: {"data": io.BytesIO(b"y" * 5000)},
    "multipart": lambda path: {"files": {"file": path.open("rb")}, "data": {"a": "1"}},
}


def at(file: io.BufferedReader, position: int) -> io.BufferedReader:
    file.seek(position)
    return file


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.filterwarnings("ignore:unclosed file")
def test_the_body_is_sent_again_whole(kind: str, nexmo: Sandbox, tmp_path: Path) -> None:
    nexmo.clock_offset = -3600
    path = tmp_path / "upload"
    path.write_bytes(bytes(range(256)) * 300)
    response = requests.post(
        f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10, **BODIES[kind](path)
    )
    assert response.ok
    first, second = nexmo.requests
    assert first.body == second.body
    assert len(second.body) > 0
    if kind == "file from where it stood":
        assert second.body == path.read_bytes()[1000:]


class ClosedWhenRead(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        if not content:
            self.close()
        return content


@pytest.mark.parametrize(
    "once",
    [lambda: (b"x" for _ in range(3)), lambda: ClosedWhenRead(b"xxx")],
    ids=["a generator", "a file that is closed"],
)
def test_a_body_that_can_be_read_once_is_not_sent_again_but_the_next_request_is_right(
    once: Callable[[], object], nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    response = requests.post(f"{nexmo.url}/v1/calls", auth=auth, data=once(), timeout=10)
    assert response.status_code == 401
    assert len(nexmo.requests) == 1
    assert len(warnings()) == 1
    assert "Not retried: the request body can be read only once" in warnings()[0]
    assert requests.post(f"{nexmo.url}/v1/calls", auth=auth, data=once(), timeout=10).ok
    assert len(nexmo.requests) == 2


def test_a_wrong_date_is_forgotten_when_a_token_signed_with_it_is_refused(nexmo: Sandbox) -> None:
    lie = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    auth = nexmo.auth()
    nexmo.answer_next(401, headers=lie)
    requests.post(f"{nexmo.url}/v1/calls", auth=auth, data=(b"x" for _ in range(3)), timeout=10)
    nexmo.answer_next(401, headers=lie)
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).history == []
    assert [seen.accepted for seen in nexmo.requests] == [True, False, True]


def test_a_date_that_lies_does_not_undo_what_was_proved(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    for _ in range(2):
        nexmo.answer_next(401, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert (response.status_code, response.history) == (200, [])


def test_a_request_that_was_signed_before_does_not_undo_what_was_learned(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    with requests.Session() as session:
        early = requests.Request("GET", f"{nexmo.url}/v1/calls", auth=auth).prepare()
        session.post(f"{nexmo.url}/v1/calls", auth=auth, data=(b"x" for _ in range(3)), timeout=10)
        nexmo.answer_next(401, headers={"Date": None})
        assert session.send(early, timeout=10).status_code == 401
        response = session.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert (response.status_code, response.history) == (200, [])


def test_two_wrong_dates_do_not_change_the_time_for_good(nexmo: Sandbox) -> None:
    auth = nexmo.auth()
    nexmo.answer_next(401, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    requests.post(f"{nexmo.url}/v1/calls", auth=auth, data=(b"x" for _ in range(3)), timeout=10)
    for _ in range(2):
        nexmo.answer_next(401, headers={"Date": "Fri, 01 Jan 2038 00:00:00 GMT"})
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert (response.status_code, response.history) == (200, [])


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_is_read_for_history_unless_it_was_to_be_streamed(
    stream: bool, keys: Keys
) -> None:
    with answering([REFUSAL + b"Content-Length: 2\r\n\r\nno"], [DONE]) as url:
        auth = NexmoJWT("id", keys.object)
        with requests.get(url, auth=auth, timeout=10, stream=stream) as response:
            assert response.content == b"done"
    assert response.history[0].content == (b"" if stream else b"no")


def test_a_redirect_after_the_second_try_is_followed_and_tried_twice_too(nexmo: Sandbox) -> None:
    """requests makes the next hop from the request that it has, with the first token."""
    nexmo.clock_offset = -3600
    nexmo.answer_next(401)
    nexmo.answer_next(302, headers={"Location": "/v1/files/moved"})
    response = requests.get(f"{nexmo.url}/v1/files/first", auth=nexmo.auth(), timeout=10)
    assert response.ok
    assert [seen.path for seen in nexmo.requests] == [
        "/v1/files/first",
        "/v1/files/first",
        "/v1/files/moved",
        "/v1/files/moved",
    ]
    assert [seen.accepted for seen in nexmo.requests] == [False, True, False, True]
    assert jti_of(response) == nexmo.requests[-1].claims["jti"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_second_try_that_failed_otherwise_says_nothing_about_the_clock(
    status: int, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = -3600
    nexmo.answer_next(401)
    nexmo.answer_next(status)
    assert (
        requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10).status_code == status
    )
    assert warnings() == []


def test_a_second_try_raises_what_sending_raises(keys: Keys) -> None:
    """A timeout after a POST was sent must not look like a refusal."""
    refusal = [REFUSAL + b"Content-Length: 0\r\nConnection: close\r\n\r\n"]
    with answering(refusal, slowly) as url, pytest.raises(requests.ReadTimeout):
        requests.post(url, auth=NexmoJWT("id", keys.object), data=b"x", timeout=0.3)


def slowly(request: bytes) -> bytes:
    time.sleep(0.5)
    return DONE


def test_a_401_behind_a_redirect_heals_too(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    nexmo.answer_next(302, headers={"Location": "/v1/files/moved"})
    assert requests.get(f"{nexmo.url}/v1/files/first", auth=nexmo.auth(), timeout=10).ok
    assert [seen.path for seen in nexmo.requests] == [
        "/v1/files/first",
        "/v1/files/moved",
        "/v1/files/moved",
    ]


def test_cookies_of_the_refusal_are_sent_with_the_second_try(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    nexmo.answer_next(401, headers={"Set-Cookie": "a=1; Path=/"})
    with requests.Session() as session:
        response = session.get(
            f"{nexmo.url}/v1/calls", auth=nexmo.auth(), headers={"X-Mine": "1"}, timeout=10
        )
    assert response.request.headers["Cookie"] == "a=1"
    assert response.request.headers["X-Mine"] == "1"


def test_all_threads_succeed_when_the_clock_is_wrong(nexmo: Sandbox, warnings: Callable) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    start = threading.Barrier(16)

    def call(number: int) -> list[int]:
        start.wait()
        with requests.Session() as session:
            return [
                session.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=30).status_code
                for _ in range(5)
            ]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, range(16))) == [[200] * 5] * 16
    refused = [seen for seen in nexmo.requests if not seen.accepted]
    assert 1 <= len(refused) <= 16
    assert len(warnings()) == 1


@pytest.mark.parametrize("date", [None, "yesterday", "\xff"])
def test_a_401_without_a_date_to_believe_is_returned_as_it_is(
    date: str | None, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.answer_next(401, headers={"Date": date})
    response = requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
    assert response.status_code == 401
    assert response.history == []
    assert len(nexmo.requests) == 1
    (warning,) = warnings()
    assert "clock not known: the response has no usable Date;" in warning
