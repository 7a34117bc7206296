"""The sandbox as a server: what it answers, keeps and survives."""

import base64
import errno
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from conftest import TLS, Keys, address, forge, send

from requests_nexmo_jwt.sandbox import Sandbox


def test_an_acl_is_kept_whatever_the_query(nexmo: Sandbox) -> None:
    acl = {"paths": {"/*/calls/**": {"methods": ["GET"]}}}
    assert send(nexmo, forge(nexmo, acl=acl), "GET", "/v1/calls?page_size=1").status_code == 200
    refused = send(nexmo, forge(nexmo, acl=acl), "DELETE", "/v1/calls?page_size=1")
    assert (refused.status_code, refused.content) == (403, b"")
    assert "acl does not permit DELETE /v1/calls" in nexmo.requests[-1].verdict


def test_it_answers_the_calls_and_echoes_what_is_not_documented(nexmo: Sandbox) -> None:
    assert send(nexmo, forge(nexmo)).json()["_embedded"]["calls"][0]["status"] == "completed"
    undocumented = [("POST", "/v2/calls"), ("PURGE", "/v1/files/x?y=1"), ("GET", "/v1/sessions/x")]
    for method, path in undocumented:
        answer = send(nexmo, forge(nexmo, sub="alice"), method, path)
        echo = answer.json()
        assert (echo["method"], echo["path"], echo["claims"]["sub"]) == (method, path, "alice")
        assert (answer.status_code, list(echo)) == (200, ["method", "path", "claims"])


def test_queued_answers_are_sent_in_order(nexmo: Sandbox) -> None:
    nexmo.answer_next(503, body="busy", headers={"Retry-After": "1", "Date": None})
    nexmo.answer_next(204)
    first, second, third = (send(nexmo, forge(nexmo)) for _ in range(3))
    assert (first.status_code, first.text, first.headers["Retry-After"]) == (503, "busy", "1")
    assert "Date" not in first.headers
    assert (second.status_code, second.text) == (204, "")
    assert third.status_code == 200


def test_an_answer_holds_for_its_path_until_it_is_replaced(nexmo: Sandbox, keys: Keys) -> None:
    nexmo.answer("POST", "/v1/calls", 201, body={"uuid": "1"})
    for path in ("/v1/calls", "/v1/calls?x=y"):
        created = send(nexmo, forge(nexmo), "POST", path)
        assert (created.status_code, created.json()) == (201, {"uuid": "1"})
        assert created.headers["Content-Type"] == "application/json"
    assert "_embedded" in send(nexmo, forge(nexmo), "GET").json()
    refused = send(nexmo, forge(keys), "POST")
    assert (refused.status_code, refused.json()["error_title"]) == (401, "Unauthorized")
    nexmo.answer("post", "/v1/calls", 429, body="slow down", headers={"Retry-After": "1"})
    limited = send(nexmo, forge(nexmo), "POST")
    assert (limited.status_code, limited.text) == (429, "slow down")
    assert limited.headers["Retry-After"] == "1"
    nexmo.answer_next(500)
    assert send(nexmo, forge(nexmo), "POST").status_code == 500
    nexmo.answer("GET", "/v1/calls?page=2", body=[1, 2])
    assert send(nexmo, forge(nexmo), path="/v1/calls?page=2").json() == [1, 2]
    assert "_embedded" in send(nexmo, forge(nexmo), path="/v1/calls?page=1").json()


# The arguments of answer_next, what is raised, and words of it.
MISTAKES = [
    ({"status": 199}, ValueError, "status has to be 200 to 599, not 199"),
    ({"status": 600}, ValueError, "status has to be 200 to 599, not 600"),
    ({"headers": {"X": "☃"}}, ValueError, "a character that no header has"),
    ({"headers": {"X": "a\r\nY: b"}}, ValueError, "a character that no header has"),
    ({"headers": {"X\n": None}}, ValueError, "a character that no header has"),
    ({"body": object()}, TypeError, "not JSON serializable"),
    ({"body": float("nan")}, ValueError, "not JSON compliant"),
    ({"body": "\ud800"}, ValueError, "surrogates not allowed"),
    ({"json": {}}, TypeError, "unexpected keyword argument 'json'"),
]


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    MISTAKES,
    ids=[f"{n} {next(iter(m[0]))}" for n, m in enumerate(MISTAKES)],
)
def test_an_answer_that_cannot_be_sent_is_refused_where_it_is_written(
    wrong: dict[str, Any], error: type[Exception], words: str, nexmo: Sandbox
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        nexmo.answer_next(**wrong)
    with pytest.raises(error, match=re.escape(words)):
        nexmo.answer("GET", "/v1/calls", **wrong)
    assert "_embedded" in send(nexmo, forge(nexmo)).json()


def test_the_path_of_an_answer_begins_with_a_slash_and_the_rest_has_names(nexmo: Sandbox) -> None:
    for path in ("", "x", "https://api.nexmo.com/x", "/a b", "/x#y", "/\xe9"):
        with pytest.raises(ValueError, match="path has to begin with a slash"):
            nexmo.answer("GET", path)
    with pytest.raises(TypeError, match="positional argument"):
        nexmo.answer("GET", "/v1/calls", 200, "body")
    with pytest.raises(TypeError, match="positional argument"):
        nexmo.answer_next(200, {"X": "y"})
    assert "_embedded" in send(nexmo, forge(nexmo)).json()


# Where an answer leads, and where it does in the end: {here} is the sandbox.
LOCATIONS = [
    ("https://api.nexmo.com/x?y", "{here}/x?y"),
    ("//api-us.vonage.com/x", "{here}/x"),
    ("http://rest.nexmo.com:80/x", "{here}/x"),
    ("HTTPS://API.Nexmo.COM/x#y", "{here}/x#y"),
    ("https://user@api.nexmo.com./x", "{here}/x"),
    ("https://api.nexmo.com", "{here}"),
    ("https://api.nexmo.com:x/y", "{here}/y"),
    ("https://example.com/x", "https://example.com/x"),
    ("https://api.nexmo.com.example.com/x", "https://api.nexmo.com.example.com/x"),
    ("https://notnexmo.com/x", "https://notnexmo.com/x"),
    ("https://example.com/https://api.nexmo.com/x", "https://example.com/https://api.nexmo.com/x"),
    ("/v1/calls?x", "/v1/calls?x"),
]


@pytest.mark.parametrize(("location", "sent"), LOCATIONS)
def test_a_redirect_to_vonage_leads_to_the_sandbox(
    location: str, sent: str, nexmo: Sandbox
) -> None:
    nexmo.answer_next(307, headers={"Location": location})
    nexmo.answer("POST", "/v1/calls", 302, body={"x": 1}, headers={"location": location})
    for status in (307, 302):
        answer = requests.post(
            f"{nexmo.url}/v1/calls", auth=nexmo.auth(), allow_redirects=False, timeout=10
        )
        assert answer.status_code == status
        assert answer.headers["Location"] == sent.format(here=nexmo.url)
    nexmo.answer_next(200, headers={"Content-Location": location})  # no redirect
    assert send(nexmo, forge(nexmo)).headers["Content-Location"] == location


@pytest.mark.parametrize("location", ["https://[api.nexmo.com/x", "api.nexmo.com", ""])
def test_a_location_that_is_no_url_is_sent_all_the_same(location: str, nexmo: Sandbox) -> None:
    nexmo.answer_next(201, headers={"Location": location})
    assert send(nexmo, forge(nexmo)).headers["Location"] == location


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_request_is_kept_without_its_token(name: str, nexmo: Sandbox) -> None:
    token = forge(nexmo)
    headers = {name: f"Bearer {token}", "X-Mine": "1"}
    requests.post(f"{nexmo.url}/v1/calls", headers=headers, json={"to": ["é"]}, timeout=10)
    seen = nexmo.requests[-1]
    assert seen.json() == {"to": ["é"]}
    assert (seen.headers["x-mine"], seen.headers["X-MINE"]) == ("1", "1")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["AUTHORIZATION"] == "Bearer ..."
    assert all(part not in repr(seen) for part in token.split("."))


def test_a_request_is_kept_without_what_else_authorizes_it(nexmo: Sandbox) -> None:
    token, url = forge(nexmo), f"{nexmo.url}/v2/applications"
    requests.get(url, auth=(nexmo.api_key, nexmo.api_secret), timeout=10)
    requests.get(url, headers={"Authorization": f"Token {token}"}, timeout=10)
    requests.get(url, headers={"Authorization": token}, timeout=10)
    twice = f"Authorization: Bearer {token}\r\nAuthorization: Basic {token}\r\n"
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        connection.sendall(f"GET /v1/calls HTTP/1.1\r\n{twice}\r\n".encode())
        connection.recv(1024)
    kept = [seen.headers["Authorization"] for seen in nexmo.requests]
    assert kept == ["Basic ...", "...", "...", "..."]
    basic = base64.b64encode(f"{nexmo.api_key}:{nexmo.api_secret}".encode()).decode()
    for secret in (nexmo.api_secret, basic, *token.split(".")):
        assert secret not in repr(nexmo.requests)


def test_a_body_that_is_no_json_is_an_error_of_json_alone(nexmo: Sandbox) -> None:
    for body in (b"", b"to=1", b"\xff", b"{"):
        requests.post(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), data=body, timeout=10)
        assert nexmo.requests[-1].body == body
        with pytest.raises(ValueError, match=r"Expecting|can't decode"):
            nexmo.requests[-1].json()


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


@pytest.mark.parametrize("length", ["99999999999", "9" * 4000])
@pytest.mark.parametrize("path", ["/v1/calls", "/x"])
def test_a_length_that_no_body_has_is_refused_at_once(
    length: str, path: str, nexmo: Sandbox
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 413 ")
    assert nexmo.requests[-1].body == b""
    assert send(nexmo, forge(nexmo)).status_code == 200


@pytest.mark.parametrize(
    "path", ["//[", "//evil.example/x", "*", "/\x1b[2J", "?", "/%ff%00", "http://["]
)
def test_a_path_that_is_no_path_is_a_404_all_the_same(path: str, nexmo: Sandbox) -> None:
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {forge(nexmo)}\r\n"
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode("latin1"))
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert nexmo.requests[-1].verdict.startswith("no product that is known has this path")


def test_a_chunked_body_arrives_whole(nexmo: Sandbox) -> None:
    chunks = (bytes([65 + i]) * (i * 1000) for i in range(1, 9))
    requests.post(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), data=chunks, timeout=10)
    assert len(nexmo.requests[-1].body) == 36000


def test_many_small_chunks_arrive_whole(nexmo: Sandbox) -> None:
    sent = bytes(number % 251 for number in range(20_000))
    chunks = (bytes([byte]) for byte in sent)
    requests.post(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), data=chunks, timeout=60)
    assert nexmo.requests[-1].body == sent


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
        head = "POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert b"100 Continue" in connection.recv(1024)
        connection.sendall(b"abc")
        assert b"401" in connection.recv(1024)


MIB = 1 << 20

# Bodies of more than a MiB.
TOO_LARGE: dict[str, Callable[[], object]] = {
    "a byte more": lambda: b"x" * (MIB + 1),
    "3 MiB": lambda: b"x" * (3 * MIB),
    "3 MiB in large chunks": lambda: (b"x" * MIB for _ in range(3)),
    "3 MiB in small chunks": lambda: (b"x" * 1024 for _ in range(3 * 1024)),
}


@pytest.mark.parametrize("body", TOO_LARGE)
@pytest.mark.parametrize("path", ["/v1/calls", "/v1/messages", "/x"])
def test_a_body_of_more_than_a_mib_is_refused_in_words_and_not_kept(
    path: str, body: str, nexmo: Sandbox
) -> None:
    with requests.Session() as session:
        session.auth = nexmo.auth()
        refused = session.post(nexmo.url + path, data=TOO_LARGE[body](), timeout=20)
        assert refused.status_code == 413
        assert refused.headers["Content-Type"] == "text/plain"
        assert refused.text == refused.headers["X-Sandbox-Verdict"]
        assert "1048576 bytes" in refused.text
        seen = nexmo.requests[-1]
        assert (seen.path, seen.status, seen.body) == (path, 413, b"")
        assert (seen.verdict, seen.accepted) == (refused.text, False)
        assert seen.claims["application_id"] == nexmo.application_id
        # On the same connection: no rest of the body is taken for a request.
        assert session.post(f"{nexmo.url}/v1/calls", data=b"x" * MIB, timeout=20).ok
        assert [len(seen.body) for seen in nexmo.requests] == [0, MIB]


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


def test_sandboxes_end_beside_each_other_in_many_threads() -> None:
    def run() -> None:
        for _ in range(5):
            with Sandbox():
                pass

    threads = [threading.Thread(target=run, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_the_child_of_a_fork_ends_nothing_of_its_parent() -> None:
    script = """
import os, sys
import requests
from requests_nexmo_jwt.sandbox import Sandbox
with Sandbox() as nexmo:
    child = os.fork()
    if not child:
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    print(requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10).status_code)
print(nexmo.private_key.parent.exists())
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert shown.stdout == b"200\nFalse\n"


@pytest.mark.parametrize("body", [b'{"x": NaN}', b'{"x": 1e999}', b"[1]", b"{", b"\xff"])
def test_a_body_that_is_no_json_object_does_no_harm(body: bytes, nexmo: Sandbox) -> None:
    for path in ("/v1/users", "/v1/conversations", "/v1/calls", "/v1/messages"):
        posted = requests.post(nexmo.url + path, auth=nexmo.auth(), data=body, timeout=10)
        assert posted.status_code in (201, 202)
    for path in ("/v1/users", "/v1/conversations", "/v1/calls"):
        assert "NaN" not in send(nexmo, forge(nexmo), path=path).text
