"""``NexmoJWT`` as an ``Auth`` of httpx2 and httpx: what the table of clients does not say."""

import asyncio
import io
import pickle
import re
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import httpx
import httpx2
import jwt
import pytest
from conftest import NO_TOKEN, TLS, Internet, address, answering
from hypothesis import example, given, settings
from hypothesis import strategies as st

import requests_nexmo_jwt
import requests_nexmo_jwt.httpx
import requests_nexmo_jwt.httpx2
from requests_nexmo_jwt import ScopeError
from requests_nexmo_jwt.sandbox import Sandbox
from requests_nexmo_jwt.url import any_client_would_proxy, requests_would_proxy

LIBRARIES = {httpx2: requests_nexmo_jwt.httpx2, httpx: requests_nexmo_jwt.httpx}

Warnings = Callable[[], list[str]]


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.__name__)
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def auth(library: ModuleType, nexmo: Sandbox) -> Any:
    return LIBRARIES[library].NexmoJWT(nexmo.application_id, nexmo.private_key)


@pytest.fixture
def client(library: Any, auth: Any) -> Iterator[Any]:
    with library.Client(auth=auth, follow_redirects=True) as client:
        yield client


def test_it_is_the_same_object_for_requests_and_in_comparisons(auth: Any, nexmo: Sandbox) -> None:
    assert auth == nexmo.auth()
    assert auth.fingerprint in repr(auth)
    again = pickle.loads(pickle.dumps(auth))
    assert (type(again), again) == (type(auth), auth)


def test_the_request_that_the_user_made_is_signed_each_time_that_it_is_sent(
    client: Any, nexmo: Sandbox
) -> None:
    request = client.build_request("POST", f"{nexmo.url}/v1/calls", json={"to": []})
    response = client.send(request)
    assert response.is_success
    assert response.request is request
    assert request.content == nexmo.requests[-1].body
    assert client.send(request).is_success
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 2


@pytest.mark.parametrize("offset", [0, -3600])
def test_one_request_in_sixteen_threads_is_accepted_in_each(
    offset: int, client: Any, nexmo: Sandbox
) -> None:
    nexmo.clock_offset = offset
    request = client.build_request("POST", f"{nexmo.url}/v1/calls", content=b"body")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.send(request), range(80)))
    assert [answer.status_code for answer in answers] == [201] * 80


def test_a_wrapper_that_drops_what_the_flow_yields_sends_a_token(
    library: Any, auth: Any, nexmo: Sandbox
) -> None:
    """httpx-auth combines auths in this way, and so do people."""

    class Wrapper(library.Auth):
        def auth_flow(self, request: Any) -> Iterator[Any]:
            next(auth.auth_flow(request))
            request.headers["X-Api-Key"] = "mine"
            yield request

    with library.Client(auth=Wrapper()) as client:
        assert client.get(f"{nexmo.url}/v1/calls").is_success


def token_of(response: Any) -> str:
    token = response.request.headers["Authorization"].removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})["jti"]


def test_a_hook_that_takes_the_token_off_is_no_redirect(
    client: Any, nexmo: Sandbox, warnings: Warnings
) -> None:
    client.event_hooks = {"request": [lambda request: request.headers.pop("Authorization")]}
    assert client.get(f"{nexmo.url}/v1/calls").status_code == 401
    assert warnings() == []


def test_a_second_try_sends_the_body_again_and_history_tells_the_truth(
    client: Any, nexmo: Sandbox, warnings: Warnings
) -> None:
    nexmo.clock_offset = -3600
    response = client.post(f"{nexmo.url}/v1/calls", content=b"\0body", headers={"X-Mine": "1"})
    (refused,) = response.history
    assert (refused.status_code, response.status_code) == (401, 201)
    assert [seen.body for seen in nexmo.requests] == [b"\0body"] * 2
    assert [token_of(hop) for hop in (refused, response)] == [
        seen.claims["jti"] for seen in nexmo.requests
    ]
    assert refused.json()["type"] == "UNAUTHORIZED"
    assert response.request.headers["X-Mine"] == "1"
    assert response.request.content == b"\0body"  # what a hook that logs requests looks at
    assert re.search("is 360[01] s behind", warnings()[0])
    assert client.get(f"{nexmo.url}/v1/calls").history == []


def test_a_hop_that_is_refused_is_sent_again_alone(client: Any, nexmo: Sandbox) -> None:
    nexmo.answer_next(302, headers={"Location": "/v1/files/second"})
    nexmo.clock_offset = -3600
    nexmo.answer_next(302, headers={"Location": "/v1/files/second"})
    response = client.post(f"{nexmo.url}/v1/files/first", data={"a": "1"})
    assert response.is_success
    assert [seen.path for seen in nexmo.requests[-2:]] == ["/v1/files/second"] * 2
    assert response.request.method == "GET"


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "files": lambda: {"files": {"file": io.BytesIO(b"content")}},
    "an iterator": lambda: {"content": iter([b"content"])},
    "a file": lambda: {"content": io.BytesIO(b"content")},
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_bytes_is_not_sent_again_and_the_log_says_so(
    body: str, client: Any, nexmo: Sandbox, warnings: Warnings
) -> None:
    nexmo.clock_offset = -3600
    assert client.post(f"{nexmo.url}/v1/calls", **BODIES[body]()).status_code == 401
    assert len(nexmo.requests) == 1
    (warning,) = warnings()
    assert "Not retried: the request body cannot be read again; send bytes." in warning
    assert client.post(f"{nexmo.url}/v1/calls", **BODIES[body]()).is_success
    assert nexmo.requests[-1].body.count(b"content")


def test_a_refusal_from_a_hop_without_our_header_is_returned_as_it_is(
    client: Any, nexmo: Sandbox, warnings: Warnings
) -> None:
    with Sandbox(clock_offset=-3600) as other:
        nexmo.answer_next(307, headers={"Location": f"{other.url}/v1/files/trap"})
        assert client.get(f"{nexmo.url}/v1/calls").status_code == 401
        nexmo.answer_next(307, headers={"Location": f"{other.url}/v1/files/there"})
        other.answer_next(307, headers={"Location": f"{nexmo.url}/v1/files/back"})
        nexmo.answer_next(401, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
        assert client.get(f"{nexmo.url}/v1/calls").status_code == 401
        assert [seen.verdict for seen in other.requests] == [NO_TOKEN] * 2
    assert [seen.verdict for seen in nexmo.requests] == ["accepted", "accepted", NO_TOKEN]
    assert "a redirect led there from" in warnings()[0]


def test_401_for_ever_is_two_tries_and_a_wrong_key_one(
    client: Any, nexmo: Sandbox, warnings: Warnings
) -> None:
    nexmo.clock_offset = -3600
    for _ in range(10):
        nexmo.answer_next(401)
    assert client.get(f"{nexmo.url}/v1/calls").status_code == 401
    assert len(nexmo.requests) == 2
    assert "401 from 127.0.0.1" in warnings()[-1]
    nexmo.clock_offset = 0
    assert client.get(f"{nexmo.url}/v1/calls").status_code == 401
    assert len(nexmo.requests) == 3
    assert len(warnings()) == 1


def test_out_of_scope_nothing_is_sent_or_it_goes_unsigned(
    library: Any, client: Any, nexmo: Sandbox
) -> None:
    outside = ["https://example.com/", "http://api.nexmo.com/", "https://api.nexmo.com@127.0.0.1/"]
    for url in outside:
        with pytest.raises(ScopeError):
            client.get(url)
    unsigned = LIBRARIES[library].NexmoJWT(
        nexmo.application_id, nexmo.private_key, elsewhere="unsigned"
    )
    headers = {"Authorization": "Basic bWluZQ=="}
    with library.Client(auth=unsigned) as other, Sandbox() as elsewhere:
        assert other.get(f"{elsewhere.url}/v1/calls").status_code == 401
        assert elsewhere.requests[-1].verdict == NO_TOKEN
        response = other.get(f"{elsewhere.url}/v1/calls", headers=headers)
        assert response.request.headers["Authorization"] == headers["Authorization"]


def test_a_request_that_was_signed_loses_its_token_where_it_goes_elsewhere_now(
    library: Any, nexmo: Sandbox
) -> None:
    with Sandbox() as other:
        options = {"hosts": [nexmo.url], "elsewhere": "unsigned"}
        ours = LIBRARIES[library].NexmoJWT(nexmo.application_id, nexmo.private_key, **options)
        for auth in (ours, nexmo.auth(**options)):  # its Auth, and the plain object as a callable
            with library.Client(auth=auth) as client:
                request = client.get(f"{nexmo.url}/v1/calls").request
                request.url = library.URL(f"{other.url}/v1/calls")
                client.send(request)
                request.headers["Authorization"] = "Basic bWluZQ=="
                client.send(request)
        assert all(seen.accepted for seen in nexmo.requests)
        basic = "the scheme of the Authorization header is not Bearer"
        assert [seen.verdict for seen in other.requests] == [NO_TOKEN, basic] * 2


def test_a_cookie_of_the_refusal_is_sent_with_the_second_try(client: Any) -> None:
    refusal = b"HTTP/1.1 401 No\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nSet-Cookie: a=b\r\n"
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes:
        seen.append(request)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    with answering([refusal + b"Content-Length: 0\r\nConnection: close\r\n\r\n"], answer) as url:
        assert client.get(url).is_success
    assert b"cookie: a=b" in seen[0].lower()


def test_a_streamed_answer_is_the_callers_to_read(client: Any, nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    with client.stream("GET", f"{nexmo.url}/v1/calls") as response:
        assert not response.is_stream_consumed
        assert b"calls" in response.read()


def test_eight_threads_and_forty_tasks_share_one_object(
    library: Any, auth: Any, client: Any, nexmo: Sandbox
) -> None:
    nexmo.clock_offset = -3600
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get(f"{nexmo.url}/v1/calls"), range(40)))
    assert {answer.status_code for answer in answers} == {200}

    async def main() -> list[int]:
        async with library.AsyncClient(auth=auth) as session:
            answers = await asyncio.gather(
                *(session.get(f"{nexmo.url}/v1/calls") for _ in range(40))
            )
            return [answer.status_code for answer in answers]

    nexmo.clock_offset = 3600
    assert asyncio.run(main()) == [200] * 40
    accepted = [seen.claims["jti"] for seen in nexmo.requests if seen.accepted]
    assert len(set(accepted)) == len(accepted) == 80


def transport_to(library: Any, ports: dict[str, int], ca: str) -> Any:
    """Return a transport that finds each host on this machine: real sockets, real TLS."""
    inner = library.HTTPTransport(verify=ssl.create_default_context(cafile=ca))

    class Transport(library.BaseTransport):
        close = inner.close

        def handle_request(self, request: Any) -> Any:
            url = request.url.copy_with(host="127.0.0.1", port=ports[request.url.scheme])
            options = {"headers": request.headers, "stream": request.stream}
            options["extensions"] = {**request.extensions, "sni_hostname": request.url.host}
            return inner.handle_request(library.Request(request.method, url, **options))

    return Transport()


def test_from_http_to_https_of_one_host_the_header_is_kept(
    library: Any, tls: TLS, nexmo: Sandbox
) -> None:
    """The client's rule, which the page on behaviour tells."""
    with Sandbox(ssl_context=tls.context("example.com")) as secure:
        ports = {"http": address(nexmo)[1], "https": address(secure)[1]}
        auth = LIBRARIES[library].NexmoJWT(
            nexmo.application_id, nexmo.private_key, hosts=["http://example.com"]
        )
        transport = transport_to(library, ports, tls.ca)
        with library.Client(auth=auth, follow_redirects=True, transport=transport) as client:
            nexmo.answer_next(307, headers={"Location": "https://example.com/v1/files/second"})
            secure.answer_next(401, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
            assert client.get("http://example.com/v1/files/first").status_code == 401
            # Another origin, whose clock and whose refusals are not those of the first.
            assert client.get("http://example.com/v1/files/third").is_success
        assert nexmo.requests[0].claims == secure.requests[0].claims is not None
        assert len(secure.requests) == 1


def test_the_token_arrives_at_api_nexmo_com_through_a_proxy(
    library: Any, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", internet.proxy.url)
    monkeypatch.setenv("SSL_CERT_FILE", internet.ca)
    vonage = internet.vonage
    auth = LIBRARIES[library].NexmoJWT(vonage.application_id, vonage.private_key)
    with library.Client(auth=auth, follow_redirects=True) as client:
        vonage.answer_next(302, headers={"Location": "https://example.com/v1/calls"})
        client.get("https://api.nexmo.com/v1/calls")
    assert [seen.accepted for seen in vonage.requests] == [True]
    assert [seen.verdict for seen in internet.elsewhere.requests] == [NO_TOKEN]


PIECES = ["*", ".", ",", " ", "127.0.0.1", "127.0.0.0/8", "localhost", "LOCALHOST", "prism", "::1"]
PIECES += ["[::1]", "0.0.1", "example.com", ":80", "http://", "all://", "/8", "x"]
HOSTS = ["127.0.0.1", "localhost", "a.localhost", "prism", "a.prism", "example.com", "[::1]"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.sampled_from(HOSTS))
@example("localhost", "a.localhost")
@example("* ", "127.0.0.1")
def test_what_no_proxy_keeps_from_the_proxy_for_us_it_does_for_all_clients(
    no_proxy: str, host: str
) -> None:
    """Where the clients connect to is asked of themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("NO_PROXY", no_proxy)
        if any_client_would_proxy(f"http://{host}:4010/"):
            return
        assert not requests_would_proxy(f"http://{host}:4010/")
        for library in LIBRARIES:
            try:
                client = library.Client()
            except library.InvalidURL:
                continue
            with client:
                url = library.URL(f"http://{host}:4010/")
                assert client._transport_for_url(url) is client._transport
