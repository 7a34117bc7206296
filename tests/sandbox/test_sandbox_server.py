"""The sandbox as a server: what it answers, keeps and survives."""

import errno
import os
import socket
import stat
import time
from contextlib import suppress

import pytest
import requests
from conftest import TLS, Keys, address, forge, send

from requests_nexmo_jwt.sandbox import Sandbox


def test_an_acl_is_kept_whatever_the_query(nexmo: Sandbox) -> None:
    acl = {"paths": {"/*/calls/**": {"methods": ["GET"]}}}
    assert send(nexmo, forge(nexmo, acl=acl), "GET", "/v1/calls?page_size=1").status_code == 200
    refused = send(nexmo, forge(nexmo, acl=acl), "DELETE", "/v1/calls?page_size=1")
    assert refused.status_code == 401
    assert "acl does not permit DELETE /v1/calls" in nexmo.requests[-1].verdict


def test_it_answers_the_calls_and_echoes_everything_else(nexmo: Sandbox) -> None:
    assert send(nexmo, forge(nexmo)).json()["_embedded"]["calls"][0]["status"] == "completed"
    for method, path in [("POST", "/v1/calls"), ("PURGE", "/x?y=1"), ("GET", "/v1/calls/uuid")]:
        echo = send(nexmo, forge(nexmo, sub="alice"), method, path).json()
        assert (echo["method"], echo["path"], echo["claims"]["sub"]) == (method, path, "alice")


def test_queued_answers_are_sent_in_order(nexmo: Sandbox) -> None:
    nexmo.answer_next(503, {"Retry-After": "1", "Date": None}, "busy")
    nexmo.answer_next(204)
    first, second, third = (send(nexmo, forge(nexmo)) for _ in range(3))
    assert (first.status_code, first.text, first.headers["Retry-After"]) == (503, "busy", "1")
    assert "Date" not in first.headers
    assert (second.status_code, second.text) == (204, "")
    assert third.status_code == 200


def test_an_answer_holds_for_its_path_until_it_is_replaced(nexmo: Sandbox, keys: Keys) -> None:
    nexmo.answer("POST", "/v1/calls", 201, {"uuid": "1"})
    for path in ("/v1/calls", "/v1/calls?x=y"):
        created = send(nexmo, forge(nexmo), "POST", path)
        assert (created.status_code, created.json()) == (201, {"uuid": "1"})
        assert created.headers["Content-Type"] == "application/json"
    assert "_embedded" in send(nexmo, forge(nexmo), "GET").json()
    refused = send(nexmo, forge(keys), "POST")
    assert (refused.status_code, refused.json()["error_title"]) == (401, "Unauthorized")
    nexmo.answer("post", "/v1/calls", 429, "slow down", {"Retry-After": "1"})
    limited = send(nexmo, forge(nexmo), "POST")
    assert (limited.status_code, limited.text) == (429, "slow down")
    assert limited.headers["Retry-After"] == "1"
    nexmo.answer_next(500)
    assert send(nexmo, forge(nexmo), "POST").status_code == 500
    nexmo.answer("GET", "/v1/calls?page=2", body=[1, 2])
    assert send(nexmo, forge(nexmo), path="/v1/calls?page=2").json() == [1, 2]
    assert "_embedded" in send(nexmo, forge(nexmo), path="/v1/calls?page=1").json()


@pytest.mark.parametrize("offset", [3600, -3600])
def test_its_clock_can_be_set_off(offset: int) -> None:
    with Sandbox(clock_offset=offset) as nexmo:
        response = send(nexmo, forge(nexmo))
        assert response.status_code == 401
        assert ("expired" if offset > 0 else "future") in nexmo.requests[-1].verdict
        date = time.mktime(time.strptime(response.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT"))
        assert abs(date - time.mktime(time.gmtime()) - offset) < 5


def test_the_key_is_readable_by_its_owner_alone_and_gone_in_the_end() -> None:
    with Sandbox() as nexmo:
        assert stat.S_IMODE(nexmo.private_key.stat().st_mode) == 0o600
        assert stat.S_IMODE(nexmo.private_key.parent.stat().st_mode) == 0o700
        assert b"-----BEGIN PRIVATE KEY-----" in nexmo.private_key.read_bytes()
    assert not nexmo.private_key.parent.exists()


def test_it_listens_on_loopback_only(nexmo: Sandbox) -> None:
    host, port = address(nexmo)
    assert host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=10)


def test_it_answers_nobody_once_it_is_closed() -> None:
    with requests.Session() as session:
        with Sandbox() as nexmo:
            session.auth = nexmo.auth()
            assert session.get(f"{nexmo.url}/v1/calls").ok
        with pytest.raises(requests.ConnectionError):
            session.get(f"{nexmo.url}/v1/calls")


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"\xff\xfe\r\n\r\n",
        b"GET\r\n\r\n",
    ],
)
def test_a_request_that_is_no_http_gets_a_400_and_the_next_one_is_served(
    request_text: bytes, nexmo: Sandbox
) -> None:
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        connection.sendall(request_text)
        assert b"400" in connection.makefile("rb").read()
    assert send(nexmo, forge(nexmo)).status_code == 200


@pytest.mark.parametrize(
    "path", ["//[", "//evil.example/x", "*", "/\x1b[2J", "?", "/%ff%00", "http://["]
)
def test_a_path_that_is_no_path_is_echoed_all_the_same(path: str, nexmo: Sandbox) -> None:
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {forge(nexmo)}\r\n"
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode("latin1"))
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_a_chunked_body_arrives_whole(nexmo: Sandbox) -> None:
    chunks = (bytes([65 + i]) * (i * 1000) for i in range(1, 9))
    requests.post(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), data=chunks, timeout=10)
    assert len(nexmo.requests[-1].body) == 36000


def test_it_speaks_tls(tls: TLS) -> None:
    with Sandbox(ssl_context=tls.context("localhost")) as nexmo:
        assert nexmo.url.startswith("https://localhost:")
        # A client that says nothing must not keep the others waiting.
        with socket.create_connection(("127.0.0.1", int(nexmo.url.rpartition(":")[2]))):
            response = requests.get(
                f"{nexmo.url}/v1/calls", auth=nexmo.auth(), verify=tls.ca, timeout=10
            )
        assert response.ok


def test_a_port_that_is_taken_is_an_error_of_the_system(nexmo: Sandbox) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        Sandbox(port=int(nexmo.url.rpartition(":")[2]))


def test_a_client_that_expects_100_continue_gets_it(nexmo: Sandbox) -> None:
    with socket.create_connection(address(nexmo), timeout=5) as connection:
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert b"100 Continue" in connection.recv(1024)
        connection.sendall(b"abc")
        assert b"401" in connection.recv(1024)


def test_a_request_that_holds_too_much_is_refused_and_not_kept(nexmo: Sandbox) -> None:
    assert (
        requests.post(f"{nexmo.url}/v1/calls", data=b"x" * (1 << 20), timeout=10).status_code == 400
    )
    chunks = (b"x" * (1 << 19) for _ in range(3))
    with suppress(requests.ConnectionError):  # it may hang up before all is sent
        assert requests.post(f"{nexmo.url}/v1/calls", data=chunks, timeout=10).status_code == 400
    assert nexmo.requests == []


def test_the_last_thousand_requests_are_kept(nexmo: Sandbox) -> None:
    with requests.Session() as session:
        for number in range(1001):
            session.get(f"{nexmo.url}/{number}", timeout=10)
    assert len(nexmo.requests) == 1000
    assert nexmo.requests[0].path == "/1"


def test_an_answer_without_its_length_ends_with_the_connection(nexmo: Sandbox) -> None:
    nexmo.answer_next(headers={"Content-Length": None}, body="all of it")
    with requests.Session() as session:
        assert session.get(f"{nexmo.url}/v1/calls", timeout=10).text == "all of it"
        assert session.get(f"{nexmo.url}/v1/calls", timeout=10).status_code == 401


def test_a_sandbox_runs_once(nexmo: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="Make a new one"):
        nexmo.__enter__()
