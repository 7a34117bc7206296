"""The walk of a request: signed, redirected, and what others make of its answers."""

import functools
import io
import pickle
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from conftest import NO_TOKEN, Internet, Keys, answering
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from requests_nexmo_jwt import NexmoJWT, NexmoJWTError, ScopeError
from requests_nexmo_jwt.sandbox import Sandbox


def test_each_request_of_a_session_has_a_token_of_its_own(nexmo: Sandbox) -> None:
    with requests.Session() as session:
        session.auth = nexmo.auth()
        for _ in range(5):
            assert session.post(f"{nexmo.url}/v1/calls", json={"a": 1}).ok
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 5


def test_only_the_authorization_header_is_replaced(nexmo: Sandbox) -> None:
    headers = {"authorization": "Basic eDp5", "X-Mine": "1"}
    response = requests.post(
        f"{nexmo.url}/v1/calls", auth=nexmo.auth(), data=b"\0binary", headers=headers
    )
    assert response.ok
    assert nexmo.requests[-1].body == b"\0binary"
    assert response.request.headers["X-Mine"] == "1"


def test_a_header_for_any_other_client_is_a_fresh_token_where_one_may_go(nexmo: Sandbox) -> None:
    auth = nexmo.auth()
    for _ in range(2):
        headers = {"Authorization": auth.header(f"{nexmo.url}/v1/calls")}
        assert requests.get(f"{nexmo.url}/v1/calls", headers=headers, timeout=10).ok
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 2
    with pytest.raises(ScopeError, match="clear text"):
        auth.header("http://api.nexmo.com/v1/calls")


def test_a_header_has_the_time_of_its_server(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    headers = {"Authorization": auth.header(f"{nexmo.url}/v1/calls")}
    assert requests.get(f"{nexmo.url}/v1/calls", headers=headers, timeout=10).ok


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_the_same_origin_carries_the_token_and_history_tells_the_truth(
    status: int, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, headers={"Location": "/v1/files/second"})
    nexmo.answer_next(status, headers={"Location": f"{nexmo.url}/v1/files/third"})
    response = requests.post(f"{nexmo.url}/v1/files/first", auth=nexmo.auth(), data="body")
    assert response.status_code == 200
    hops = [*response.history, response]
    paths = [f"/v1/files/{name}" for name in ("first", "second", "third")]
    assert [hop.request.path_url for hop in hops] == paths
    (token,) = {hop.request.headers["Authorization"].removeprefix("Bearer ") for hop in hops}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert [seen.claims for seen in nexmo.requests] == [claims] * 3
    assert all(seen.accepted for seen in nexmo.requests)


def test_two_hundred_tokens_from_eight_threads_are_all_different_and_accepted(
    nexmo: Sandbox,
) -> None:
    auth = nexmo.auth()
    here = threading.local()

    def call(number: int) -> int:
        if not hasattr(here, "session"):
            here.session = requests.Session()
        return here.session.get(f"{nexmo.url}/v1/calls?page={number}", auth=auth).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(200))) == {200}
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 200
    assert all(seen.accepted for seen in nexmo.requests)


def test_the_token_arrives_at_api_nexmo_com_and_not_at_example_com(internet: Internet) -> None:
    options = {"proxies": {"https": internet.proxy.url}, "verify": internet.ca, "timeout": 10}
    options["auth"] = internet.vonage.auth()
    url = "https://api.nexmo.com/v1/calls"
    assert requests.get(url, **options).json()["_embedded"]["calls"]
    assert internet.proxy.asked == ["CONNECT api.nexmo.com:443"]
    internet.vonage.answer_next(307, headers={"Location": "https://example.com/v1/calls"})
    requests.post(url, **options)
    assert [seen.accepted for seen in internet.vonage.requests] == [True, True]
    assert [seen.verdict for seen in internet.elsewhere.requests] == [NO_TOKEN]


@pytest.mark.parametrize("target", ["localhost", "another port", "https"])
def test_a_redirect_to_another_origin_carries_no_token_whatever_it_answers(
    target: str, nexmo: Sandbox
) -> None:
    with Sandbox(clock_offset=-3600) as other:
        location = {
            "localhost": nexmo.url.replace("127.0.0.1", "localhost") + "/v1/files/next",
            "another port": f"{other.url}/v1/files/next",
            "https": nexmo.url.replace("http:", "https:") + "/v1/files/next",
        }[target]
        nexmo.answer_next(307, headers={"Location": location})
        auth = nexmo.auth()
        if target == "https":
            with pytest.raises(requests.exceptions.SSLError) as caught:
                requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
            assert "Authorization" not in caught.value.request.headers
        else:
            assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
            (_, *later) = [*nexmo.requests, *other.requests]
            assert [seen.verdict for seen in later] == [NO_TOKEN]


def test_a_redirect_that_comes_back_from_elsewhere_carries_no_token(nexmo: Sandbox) -> None:
    with Sandbox() as other:
        nexmo.answer_next(307, headers={"Location": f"{other.url}/v1/files/one"})
        other.answer_next(307, headers={"Location": "/v1/files/two"})
        other.answer_next(307, headers={"Location": f"{nexmo.url}/v1/files/back"})
        # No reason to try again.
        nexmo.answer_next(401, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
        requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
        assert [seen.verdict for seen in nexmo.requests] == ["accepted", NO_TOKEN]
        assert [seen.verdict for seen in other.requests] == [NO_TOKEN] * 2


PIECES = ["http://", "https://", "//", "/", "\\", "@", ":", "#", "?", ";", "api.nexmo.com", ":443"]
PIECES += [
    "api.nexmo.com.",
    "evil.example",
    "user",
    "%2e",
    "%5c",
    "\t",
    " ",
    "..",
    ".",
    "[::1]",
    "é",
]
PIECES += ["HTTPS://API.NEXMO.COM", "https://api.nexmo.com", "https:", "localhost", ":80", "é"]
PIECES += ["https://localhost", "http://localhost:80"]
LOCATIONS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)


@settings(max_examples=1000)
@example("https://localhost/", 302, "http://localhost/v1/calls")  # which requests lets pass
@given(
    location=LOCATIONS,
    status=st.sampled_from([301, 302, 303, 307, 308]),
    url=st.sampled_from(["https://api.nexmo.com/v1/calls", "http://localhost/v1/calls"]),
)
def test_whatever_the_location_a_token_stays_at_its_origin(
    keys: Keys, location: str, status: int, url: str
) -> None:
    """The next request is the one that requests itself makes of the redirect."""
    with requests.Session() as session:
        session.trust_env = False
        request = requests.Request("GET", url, auth=NexmoJWT("id", keys.object)).prepare()
        response = requests.Response()
        response.status_code, response.url, response.request = status, url, request
        response.headers = CaseInsensitiveDict(Location=location)
        response.raw, response._content = io.BytesIO(), b""
        first = request.headers["Authorization"]
        response = requests.hooks.dispatch_hook("response", request.hooks, response)
        try:
            following = next(
                session.resolve_redirects(response, request, yield_requests=True), None
            )
        except (requests.RequestException, ValueError):
            return
    assert response.request.headers["Authorization"] == first
    if following is not None and "Authorization" in following.headers:
        before, after = urlsplit(url), urlsplit(following.url)
        assert after.hostname == before.hostname
        assert (before.scheme, after.scheme) != ("https", "http")
        assert after.port in (None, {"https": 443, "http": 80}[after.scheme])
        assert following.headers["Authorization"] == first


def test_a_401_from_a_third_party_adapter_is_returned_unchanged(keys: Keys) -> None:
    class Adapter(requests.adapters.BaseAdapter):
        """Sets no ``response.connection``, as some that mock responses."""

        def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
            response = requests.Response()
            response.status_code, response.url, response.request = 401, request.url, request
            response.headers["Date"] = "Thu, 01 Jan 2026 00:00:00 GMT"
            response.raw = io.BytesIO()
            return response

        def close(self) -> None:
            pass

    with requests.Session() as session:
        session.mount("http://localhost", Adapter())
        response = session.get("http://localhost/", auth=NexmoJWT("id", keys.object))
    assert response.status_code == 401


def test_a_request_that_is_always_refused_is_sent_twice_and_returns_401(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    for _ in range(10):
        nexmo.answer_next(401)
    assert requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10).status_code == 401
    assert len(nexmo.requests) == 2


def test_a_redirect_loop_ends_as_without_us(nexmo: Sandbox) -> None:
    for _ in range(40):
        nexmo.answer_next(302, headers={"Location": "/v1/files/round"})
    with pytest.raises(requests.TooManyRedirects):
        requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
    assert len(nexmo.requests) == 31
    assert all(seen.accepted for seen in nexmo.requests)


@pytest.mark.parametrize("answer", [b"", b"HTTP", b"\xff\xfe\r\n\r\n"])
@pytest.mark.parametrize("after", ["nothing", "a 401"])
def test_a_connection_that_breaks_is_a_connection_error(
    answer: bytes, after: str, keys: Keys
) -> None:
    refusal = (
        b"HTTP/1.1 401 Unauthorized\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    answers = [[answer]] if after == "nothing" else [[refusal], [answer]]
    with answering(*answers) as url, pytest.raises(requests.ConnectionError):
        requests.get(url, auth=NexmoJWT("id", keys.object), timeout=10)


def test_an_auth_object_can_be_the_key_of_a_cache(keys: Keys, key_file: Path) -> None:
    @functools.lru_cache
    def client(auth: NexmoJWT) -> object:
        return object()

    key_file.write_bytes(keys.pkcs8)
    same = [NexmoJWT("id", key_file), NexmoJWT("id", keys.object)]
    assert client(same[0]) is client(same[1])
    others = [NexmoJWT("other", key_file), NexmoJWT("id", key_file, ttl=60)]
    others += [NexmoJWT("id", key_file, hosts=["prism"])]
    assert len({client(auth) for auth in [*same, *others]}) == 4


def test_comparing_needs_no_credentials(keys: Keys, key_file: Path) -> None:
    key_file.write_bytes(keys.pkcs8)
    pickled = pickle.dumps(NexmoJWT("id", key_file))
    key_file.unlink()
    there, other = pickle.loads(pickled), NexmoJWT("id", keys.object)
    assert there == pickle.loads(pickled)
    assert there != other


def test_an_object_whose_constructor_failed_has_a_repr() -> None:
    """Debuggers and crash reporters ask for it in the middle of the constructor."""
    assert repr(NexmoJWT.__new__(NexmoJWT)) == "<NexmoJWT, not initialized>"
    with pytest.raises(NexmoJWTError) as caught:
        NexmoJWT("id", "nowhere.key")
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "nowhere.key" in "".join(frames.format())
