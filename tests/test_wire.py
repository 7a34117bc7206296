"""What happens after `Authorization` is set: TLS, redirects, a wrong clock, faults."""

import io
import itertools
import json
import logging
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests
import trustme
from conftest import REPOSITORY, Keys, answering
from connect_proxy import ConnectProxy
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from requests_nexmo_jwt import NexmoJWT, ScopeError
from requests_nexmo_jwt.sandbox import Sandbox

AUTH_TYPE = "--auth-type=nexmo-jwt"
NO_TOKEN = "there is no Authorization header"


def jti_of(response: requests.Response) -> str:
    token = response.request.headers["Authorization"].removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})["jti"]


# ---- The real name over real TLS -------------------------------------------------------------


@dataclass
class Internet:
    """Two TLS servers with real names, and the proxy that leads there."""

    vonage: Sandbox
    elsewhere: Sandbox
    proxy: ConnectProxy
    ca: str


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[Internet]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def context(name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(context)
        return context

    with (
        Sandbox(ssl_context=context("api.nexmo.com")) as vonage,
        Sandbox(ssl_context=context("example.com")) as elsewhere,
        ConnectProxy(
            {
                "api.nexmo.com": urlsplit(vonage.url).port,
                "example.com": urlsplit(elsewhere.url).port,
            }
        ) as proxy,
    ):
        yield Internet(vonage, elsewhere, proxy, str(tmp_path / "ca.pem"))


def test_the_token_arrives_at_api_nexmo_com(internet: Internet) -> None:
    response = requests.get(
        "https://api.nexmo.com/v1/calls",
        auth=internet.vonage.auth(),
        proxies={"https": internet.proxy.url},
        verify=internet.ca,
        timeout=10,
    )
    assert response.json()["_embedded"]["calls"]
    assert internet.proxy.asked == ["CONNECT api.nexmo.com:443"]


def test_a_redirect_to_example_com_arrives_without_a_token(internet: Internet) -> None:
    internet.vonage.answer_next(307, {"Location": "https://example.com/v1/calls"})
    requests.post(
        "https://api.nexmo.com/v1/calls",
        auth=internet.vonage.auth(),
        proxies={"https": internet.proxy.url},
        verify=internet.ca,
        timeout=10,
    )
    assert [seen.accepted for seen in internet.vonage.requests] == [True]
    assert [seen.verdict for seen in internet.elsewhere.requests] == [NO_TOKEN]


def test_http_sends_the_token_to_api_nexmo_com_and_none_to_example_com(
    internet: Internet, http: Callable
) -> None:
    vonage = internet.vonage
    options = [
        *(AUTH_TYPE, f"--auth={vonage.application_id}:{vonage.private_key}"),
        *(f"--proxy=https:{internet.proxy.url}", f"--verify={internet.ca}"),
    ]
    result = http(*options, "https://api.nexmo.com/v1/calls")
    assert json.loads(result.stdout)["_embedded"]["calls"], result

    vonage.answer_next(302, {"Location": "https://example.com/v1/calls"})
    result = http(*options, "--follow", "--all", "--print=Hh", "https://api.nexmo.com/v1/calls")
    assert result.stdout.count("Authorization: Bearer") == 1, result
    assert [seen.verdict for seen in internet.elsewhere.requests] == [NO_TOKEN]


@pytest.mark.parametrize("url", ["api.nexmo.com/v1/calls", "http://api.nexmo.com/v1/calls"])
def test_http_without_the_s_is_told_so_before_a_byte_leaves(
    url: str, http: Callable, nexmo: Sandbox
) -> None:
    auth = f"--auth={nexmo.application_id}:{nexmo.private_key}"
    # Were anything sent, it would go to the sandbox, as to a proxy.
    result = http(AUTH_TYPE, auth, f"--proxy=http:{nexmo.url}", url)
    assert result.returncode == 1
    assert result.stderr.strip().startswith("http: error: ScopeError: http://api.nexmo.com would")
    assert "Write https://" in result.stderr
    assert "use the command 'https' instead of 'http'" in result.stderr
    assert "Traceback" not in result.stderr
    assert nexmo.requests == []


def test_http_takes_hosts_from_auth_and_from_the_environment(
    http: Callable, nexmo: Sandbox
) -> None:
    auth = f"{nexmo.application_id}:{nexmo.private_key}"
    url = "http://prism:4010/v1/calls"
    offline = (AUTH_TYPE, "--offline")
    assert "http://prism:4010 is not one of" in http(*offline, f"-a{auth}", url).stderr
    hosts = "host=https://a.test&host=http://prism:4010"
    assert "Bearer" in http(*offline, f"-a{auth}?{hosts}", url).stdout
    environment = {"NEXMO_JWT_HOSTS": "http://prism:4010"}
    assert "Bearer" in http(*offline, f"-a{auth}", url, env=environment).stdout
    result = http(*offline, f"-a{auth}?host=prism:4010", url)
    assert result.stderr.startswith("http: error: nexmo-jwt: -a: hosts has 'prism:4010'")


# ---- Redirects -------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["localhost", "another port", "https"])
def test_a_redirect_to_another_origin_carries_no_token(target: str, nexmo: Sandbox) -> None:
    with Sandbox() as other:
        location = {
            "localhost": nexmo.url.replace("127.0.0.1", "localhost") + "/next",
            "another port": f"{other.url}/next",
            "https": nexmo.url.replace("http:", "https:") + "/next",
        }[target]
        nexmo.answer_next(307, {"Location": location})
        auth = nexmo.auth()
        if target == "https":
            with pytest.raises(requests.exceptions.SSLError) as caught:
                requests.get(nexmo.url, auth=auth, timeout=10)
            assert "Authorization" not in caught.value.request.headers
        else:
            requests.get(nexmo.url, auth=auth, timeout=10)
            (_, *later) = [*nexmo.requests, *other.requests]
            assert [seen.verdict for seen in later] == [NO_TOKEN]


def test_a_redirect_that_comes_back_carries_no_token(nexmo: Sandbox) -> None:
    with Sandbox() as other:
        nexmo.answer_next(307, {"Location": f"{other.url}/there"})
        other.answer_next(307, {"Location": f"{nexmo.url}/back"})
        requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
        assert [seen.verdict for seen in nexmo.requests] == ["accepted", NO_TOKEN]


def test_a_host_that_redirects_to_itself_gets_no_token_later(nexmo: Sandbox) -> None:
    with Sandbox() as other:
        nexmo.answer_next(307, {"Location": f"{other.url}/one"})
        other.answer_next(307, {"Location": "/two"})
        other.answer_next(307, {"Location": "/three"})
        requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
        assert [seen.verdict for seen in other.requests] == [NO_TOKEN] * 3


LOCATIONS = st.lists(
    st.sampled_from(
        [
            *("http://", "https://", "//", "/", "\\", "@", ":", "#", "?", "api.nexmo.com", ":443"),
            *(
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
            ),
            *("HTTPS://API.NEXMO.COM", "https://api.nexmo.com", "https:", "é", ";"),
            *("localhost", "https://localhost", "http://localhost:80", ":80"),
        ]
    ),
    min_size=1,
    max_size=5,
).map("".join)


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
        assert (after.scheme, after.hostname) == (before.scheme, before.hostname)
        assert after.port in (None, {"https": 443, "http": 80}[before.scheme])
        assert following.headers["Authorization"] != first


# ---- A wrong clock ---------------------------------------------------------------------------


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    with caplog.at_level(logging.WARNING, "requests_nexmo_jwt"):
        yield lambda: [
            record.getMessage()
            for record in caplog.records
            if record.name == "requests_nexmo_jwt" and record.levelno == logging.WARNING
        ]


@pytest.mark.parametrize("offset", [3600, -3600, 45, -45, 400 * 86400])
def test_a_wrong_clock_heals_with_one_more_try_and_one_warning(
    offset: int, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = offset
    auth = nexmo.auth(ttl=30)
    response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert response.status_code == 200
    assert [seen.status for seen in nexmo.requests] == [401, 200]
    assert [hop.status_code for hop in response.history] == [401]
    assert "detail" in response.history[0].json()
    sent = [jti_of(hop) for hop in [*response.history, response]]
    assert sent == [seen.claims["jti"] for seen in nexmo.requests]
    assert response.elapsed.total_seconds() > 0

    (warning,) = warnings()
    assert "127.0.0.1" in warning
    seconds = int(re.search(r"is (\d+) s (ahead of|behind)", warning)[1])
    assert abs(seconds - abs(offset)) <= 2
    assert ("ahead of" in warning) == (offset > 0)

    for _ in range(3):
        assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).history == []
    assert jwt.decode(auth.token(), options={"verify_signature": False})["iat"] == pytest.approx(
        time.time() + offset, abs=5
    )
    assert len(warnings()) == 1


def test_a_clock_that_is_set_right_again_heals_the_same_way(
    nexmo: Sandbox, warnings: Callable
) -> None:
    auth = nexmo.auth()
    for offset in (-3600, 0, 7200, 0):
        nexmo.clock_offset = offset
        assert requests.get(nexmo.url, auth=auth, timeout=10).ok
    assert [seen.status for seen in nexmo.requests] == [401, 200, 401, 200, 401, 200, 401, 200]
    assert [("agree again" in warning) for warning in warnings()] == [False, True, False, True]


def test_a_401_of_an_adapter_of_somebody_elses_is_returned_as_it_is(keys: Keys) -> None:
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


def test_a_huge_refusal_is_not_read_to_its_end(keys: Keys) -> None:
    """Whoever streams would not have read it at all."""
    refusal = (
        b"HTTP/1.1 401 Unauthorized\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunks = itertools.repeat(b"10000\r\n" + b"x" * 0x10000 + b"\r\n", 400)
    done = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
    with answering(itertools.chain([refusal], chunks), [done]) as url:
        auth = NexmoJWT("id", keys.object)
        with requests.get(url, auth=auth, timeout=10, stream=True) as response:
            assert response.content == b"done"
    assert 1 << 20 <= len(response.history[0].content) < 2 << 20


def test_a_token_for_other_uses_follows_the_server_that_accepted_last(
    nexmo: Sandbox, nexmo_key: rsa.RSAPrivateKey
) -> None:
    def ahead(auth: NexmoJWT) -> float:
        claims = jwt.decode(auth.token(), options={"verify_signature": False})
        return claims["iat"] - time.time()

    same = {"application_id": nexmo.application_id, "key": nexmo_key}
    with Sandbox(clock_offset=300 * 86400, **same) as other:
        auth = nexmo.auth()
        assert requests.get(other.url, auth=auth, timeout=10).ok
        assert ahead(auth) > 299 * 86400
        assert requests.get(nexmo.url, auth=auth, timeout=10).ok
        assert abs(ahead(auth)) < 60
        nexmo.answer_next(401, {"Date": "Fri, 01 Jan 2038 00:00:00 GMT"})
        nexmo.answer_next(401)
        requests.get(nexmo.url, auth=auth, timeout=10)
        assert abs(ahead(auth)) < 60


def test_the_clock_of_one_server_is_not_taken_for_the_clock_of_another(
    nexmo: Sandbox, nexmo_key: rsa.RSAPrivateKey
) -> None:
    same = {"application_id": nexmo.application_id, "key": nexmo_key}
    with Sandbox(clock_offset=300 * 86400, **same) as other:
        auth = nexmo.auth()
        for _ in range(2):
            assert requests.get(other.url, auth=auth, timeout=10).ok
            once = (b"x" for _ in range(3))
            assert requests.post(nexmo.url, auth=auth, data=once, timeout=10).ok
        assert [seen.status for seen in nexmo.requests] == [200, 200]
        assert [seen.status for seen in other.requests] == [401, 200, 200]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_does_not_see_a_token_in_clear_text(
    variable: str, nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        with pytest.raises(ScopeError, match=r"NO_PROXY=127\.0\.0\.1"):
            requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
        assert proxy.requests == []
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert requests.get(nexmo.url, auth=nexmo.auth(), timeout=10).ok


@pytest.mark.parametrize("offset", [0, 20, -20, -25])
def test_a_401_with_the_clock_right_is_returned_as_it_is(
    offset: int, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = offset
    auth = NexmoJWT("another", nexmo.private_key)
    response = requests.get(nexmo.url, auth=auth, timeout=10)
    assert response.status_code == 401
    assert response.history == []
    assert len(nexmo.requests) == 1
    (warning,) = warnings()
    assert warning.startswith("401 from 127.0.0.1: token")
    assert ("token refused: iat is" in warning) == (offset < 0)
    assert ("most likely the key" in warning) == (offset >= 0)
    within = int(re.search(r"clock within (\d+) s", warning)[1])
    assert abs(within - abs(offset)) <= 5  # the Date drops a second, a busy machine adds some


def test_a_401_after_the_second_try_is_returned_and_its_date_not_believed(
    nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.clock_offset = 3600
    auth = NexmoJWT("another", nexmo.private_key)
    for _ in range(2):
        response = requests.get(nexmo.url, auth=auth, timeout=10)
        assert response.status_code == 401
        assert len(response.history) == 1
    assert len(nexmo.requests) == 4
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
    response = requests.post(nexmo.url, auth=nexmo.auth(), timeout=10, **BODIES[kind](path))
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
    response = requests.post(nexmo.url, auth=auth, data=once(), timeout=10)
    assert response.status_code == 401
    assert len(nexmo.requests) == 1
    assert len(warnings()) == 1
    assert "was not sent again" in warnings()[0]
    assert requests.post(nexmo.url, auth=auth, data=once(), timeout=10).ok
    assert len(nexmo.requests) == 2


def test_a_date_that_lies_to_a_body_that_can_be_read_once_is_given_up(nexmo: Sandbox) -> None:
    lie = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    auth = nexmo.auth()
    nexmo.answer_next(401, lie)
    requests.post(nexmo.url, auth=auth, data=(b"x" for _ in range(3)), timeout=10)
    nexmo.answer_next(401, lie)
    assert requests.get(nexmo.url, auth=auth, timeout=10).status_code == 401
    assert requests.get(nexmo.url, auth=auth, timeout=10).history == []
    assert [seen.accepted for seen in nexmo.requests] == [True, False, True]


def test_a_date_that_lies_does_not_undo_what_was_proved(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    assert requests.get(nexmo.url, auth=auth, timeout=10).ok
    for _ in range(2):
        nexmo.answer_next(401, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    assert requests.get(nexmo.url, auth=auth, timeout=10).status_code == 401
    response = requests.get(nexmo.url, auth=auth, timeout=10)
    assert (response.status_code, response.history) == (200, [])


@pytest.mark.parametrize("zone", ["GMT", "UT", "+0000", "-0000"])
def test_a_date_is_read_in_whatever_way_it_says_utc(zone: str, nexmo: Sandbox) -> None:
    nexmo.answer_next(401, {"Date": time.strftime(f"%a, %d %b %Y %H:%M:%S {zone}", time.gmtime())})
    response = requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
    assert (response.status_code, response.history) == (401, [])


def test_the_time_that_a_request_took_is_no_wrong_clock(keys: Keys) -> None:
    def slowly() -> Iterator[bytes]:
        time.sleep(2)
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 30.5))
        yield f"HTTP/1.1 401 No\r\nDate: {date}\r\n\r\n".encode()

    with answering(slowly()) as url:
        response = requests.get(url, auth=NexmoJWT("id", keys.object), timeout=10)
    assert (response.status_code, response.history) == (401, [])


def test_a_request_that_was_signed_before_does_not_undo_what_was_learned(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    with requests.Session() as session:
        early = requests.Request("GET", nexmo.url, auth=auth).prepare()
        session.post(nexmo.url, auth=auth, data=(b"x" for _ in range(3)), timeout=10)
        nexmo.answer_next(401, {"Date": None})
        assert session.send(early, timeout=10).status_code == 401
        response = session.get(nexmo.url, auth=auth, timeout=10)
    assert (response.status_code, response.history) == (200, [])


def test_a_second_lie_does_not_make_the_first_one_stay(nexmo: Sandbox) -> None:
    auth = nexmo.auth()
    nexmo.answer_next(401, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    requests.post(nexmo.url, auth=auth, data=(b"x" for _ in range(3)), timeout=10)
    for _ in range(2):
        nexmo.answer_next(401, {"Date": "Fri, 01 Jan 2038 00:00:00 GMT"})
    assert requests.get(nexmo.url, auth=auth, timeout=10).status_code == 401
    response = requests.get(nexmo.url, auth=auth, timeout=10)
    assert (response.status_code, response.history) == (200, [])


def test_a_redirect_after_the_second_try_is_followed_with_a_fresh_token(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    nexmo.answer_next(401)
    nexmo.answer_next(302, {"Location": "/moved"})
    response = requests.get(f"{nexmo.url}/first", auth=nexmo.auth(), timeout=10)
    assert response.ok
    assert [seen.path for seen in nexmo.requests] == ["/first", "/first", "/moved"]
    assert [seen.accepted for seen in nexmo.requests] == [False, True, True]
    assert jti_of(response) == nexmo.requests[-1].claims["jti"]
    assert jti_of(response.history[-1]) == nexmo.requests[1].claims["jti"]


def test_a_redirect_after_the_second_try_gets_no_third(nexmo: Sandbox) -> None:
    nexmo.answer_next(401, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    nexmo.answer_next(302, {"Location": "/moved"})
    nexmo.answer_next(401, {"Date": "Tue, 01 Jan 2030 00:00:00 GMT"})
    response = requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
    assert response.status_code == 401
    assert len(nexmo.requests) == 3


def test_a_401_behind_a_redirect_heals_too(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    nexmo.answer_next(302, {"Location": "/moved"})
    assert requests.get(f"{nexmo.url}/first", auth=nexmo.auth(), timeout=10).ok
    assert [seen.path for seen in nexmo.requests] == ["/first", "/moved", "/moved"]


def test_another_origin_that_answers_401_gets_no_token(nexmo: Sandbox) -> None:
    with Sandbox(clock_offset=-3600) as other:
        nexmo.answer_next(302, {"Location": f"{other.url}/trap"})
        response = requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
        assert response.status_code == 401
        assert [seen.verdict for seen in other.requests] == [NO_TOKEN]


def test_cookies_of_the_refusal_are_sent_with_the_second_try(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    nexmo.answer_next(401, {"Set-Cookie": "a=1; Path=/"})
    with requests.Session() as session:
        response = session.get(nexmo.url, auth=nexmo.auth(), headers={"X-Mine": "1"}, timeout=10)
    assert response.request.headers["Cookie"] == "a=1"
    assert response.request.headers["X-Mine"] == "1"


def test_all_threads_heal(nexmo: Sandbox, warnings: Callable) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    start = threading.Barrier(16)

    def call(number: int) -> list[int]:
        start.wait()
        with requests.Session() as session:
            return [session.get(nexmo.url, auth=auth, timeout=30).status_code for _ in range(5)]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, range(16))) == [[200] * 5] * 16
    refused = [seen for seen in nexmo.requests if not seen.accepted]
    assert len(refused) <= 16
    assert len(warnings()) == 1


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
        "'nexmo-jwt check' tells more."
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


@pytest.mark.parametrize("clock_offset", [0, -3600])
def test_http_shows_our_warnings_as_its_own(
    clock_offset: int, http: Callable, nexmo: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "other.key").write_bytes(keys.pkcs8)
    nexmo.clock_offset = clock_offset
    key = tmp_path / "other.key" if clock_offset == 0 else nexmo.private_key
    result = http(AUTH_TYPE, f"-a{nexmo.application_id}:{key}", nexmo.url)
    words = "401 from 127.0.0.1" if clock_offset == 0 else "The clock of 127.0.0.1"
    assert result.stderr.strip().startswith(f"http: warning: {words}")
    assert result.stderr.count("http: warning:") == 1


def test_http_heals_too(http: Callable, nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = f"--auth={nexmo.application_id}:{nexmo.private_key}"
    result = http(AUTH_TYPE, auth, "POST", f"{nexmo.url}/v1/calls", "to=447700900000")
    assert result.returncode == 0
    assert json.loads(result.stdout)["method"] == "POST"
    assert "s behind this machine's" in result.stderr
    assert [seen.body for seen in nexmo.requests] == [b'{"to": "447700900000"}'] * 2


# ---- Faults: the outcome that requests gives without us --------------------------------------


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Mon, 00 Jan 0000 00:00:00 GMT",
        "Thu, 01 Jan 2026 99:99:99 GMT",
        "Thu, 01 Jan 99999999999 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +999999",
        "1541060230",
        "\xff",
    ],
)
def test_a_401_without_a_date_to_believe_is_returned_as_it_is(
    date: str | None, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.answer_next(401, {"Date": date})
    response = requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
    assert response.status_code == 401
    assert response.history == []
    assert len(nexmo.requests) == 1
    assert ["the server tells no time" in warning for warning in warnings()] == [True]


def test_401_for_ever_is_two_tries_and_the_401(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    for _ in range(10):
        nexmo.answer_next(401)
    assert requests.get(nexmo.url, auth=nexmo.auth(), timeout=10).status_code == 401
    assert len(nexmo.requests) == 2


def test_a_redirect_loop_ends_as_without_us(nexmo: Sandbox) -> None:
    for _ in range(40):
        nexmo.answer_next(302, {"Location": "/round"})
    with pytest.raises(requests.TooManyRedirects):
        requests.get(nexmo.url, auth=nexmo.auth(), timeout=10)
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


# ---- niquests --------------------------------------------------------------------------------


@pytest.mark.downloads
def test_niquests_takes_it_with_redirects_and_a_wrong_clock(
    nexmo: Sandbox, downloads: Path
) -> None:
    script = (
        "import asyncio, sys, niquests\n"
        "from requests_nexmo_jwt import NexmoJWT, ScopeError\n"
        "first, late = sys.argv[1:4], sys.argv[4:]\n"
        "with niquests.Session() as session:\n"
        "    session.auth = NexmoJWT(*first[:2])\n"
        "    print(session.get(first[2] + '/v1/calls').status_code)\n"
        "    moved = session.get(first[2] + '/first')\n"
        "    print(moved.status_code, moved.history[0].status_code, moved.request.path_url)\n"
        "    healed = session.post(late[2], json={'a': 1}, auth=NexmoJWT(*late[:2]))\n"
        "    print(healed.status_code, [hop.status_code for hop in healed.history])\n"
        "    try: session.get('http://api.nexmo.com/')\n"
        "    except ScopeError: print('refused')\n"
        "async def main():\n"
        "    async with niquests.AsyncSession() as session:\n"
        "        session.auth = NexmoJWT(*late[:2])\n"
        "        for _ in range(2):\n"
        "            print((await session.get(late[2])).status_code)\n"
        "asyncio.run(main())\n"
    )
    nexmo.answer_next()
    nexmo.answer_next(302, {"Location": "/second"})
    with Sandbox(clock_offset=-3600) as late:
        arguments = [(n.application_id, n.private_key, n.url) for n in (nexmo, late)]
        path = (downloads / "niquests", REPOSITORY)
        result = subprocess.run(
            [sys.executable, "-c", script, *arguments[0], *arguments[1]],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
            timeout=60,
        )
        lines = ["200", "200 302 /second", "200 [401]", "refused", "401", "200"]
        assert result.stdout.splitlines() == lines, result
        assert [seen.body for seen in late.requests[:2]] == [b'{"a": 1}'] * 2
        assert "cannot send from here, so the request that was refused was not" in result.stderr
    assert [seen.path for seen in nexmo.requests] == ["/v1/calls", "/first", "/second"]
    assert all(seen.accepted for seen in nexmo.requests)
