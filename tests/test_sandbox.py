import errno
import json
import os
import socket
import ssl
import stat
import time
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests
import trustme
from conftest import Keys
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from requests_nexmo_jwt.sandbox import Sandbox

TYPE = "https://developer.vonage.com/api-errors#"


def call(nexmo: Sandbox, token: str | None, method: str = "GET", path: str = "/v1/calls"):
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return requests.request(method, nexmo.url + path, headers=headers, timeout=10)


def address(nexmo: Sandbox) -> tuple[str, int]:
    return urlsplit(nexmo.url).hostname, urlsplit(nexmo.url).port


def forge(nexmo: Sandbox, **change: object) -> str:
    """Sign, with the right key and by PyJWT alone, a token that is right but for ``change``."""
    now = int(time.time())
    claims = {"application_id": nexmo.application_id, "iat": now, "exp": now + 900}
    claims |= {"jti": str(uuid.uuid4()), **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    key = load_pem_private_key(nexmo.private_key.read_bytes(), None)
    return jwt.encode(claims, key, algorithm="RS256")


# What is wrong with the token, Vonage's type, and words of the detail.
REFUSED = {
    "application_id of another": (
        lambda now: {"application_id": "other"},
        "unauthorized",
        "not known",
    ),
    "no application_id": (
        lambda now: {"application_id": None},
        "unauthorized",
        "application_id is missing",
    ),
    "iat a string": (lambda now: {"iat": str(now)}, "unauthorized", "iat is"),
    "iat a float": (lambda now: {"iat": now + 0.5}, "unauthorized", "iat is"),
    "no iat": (lambda now: {"iat": None}, "unauthorized", "iat is"),
    "iat in the future": (
        lambda now: {"iat": now + 600, "exp": now + 1200},
        "unauthorized",
        "in the future",
    ),
    "no jti": (lambda now: {"jti": None}, "unauthorized", "jti is missing"),
    "expired": (lambda now: {"iat": now - 100, "exp": now - 50}, "jwt-expired", "expired"),
    "exp too far": (lambda now: {"exp": now + 90000}, "unauthorized", "30 to 86400"),
    "exp too near": (lambda now: {"iat": now - 5, "exp": now + 20}, "unauthorized", "30 to 86400"),
    "no exp, old": (
        lambda now: {"iat": now - 1000, "exp": None},
        "jwt-expired",
        "15 min after iat",
    ),
    "nbf not passed": (lambda now: {"nbf": now + 600}, "unauthorized", "nbf"),
    "acl without a method": (
        lambda now: {"acl": {"paths": {"/*/calls": {"methods": []}}}},
        "unauthorized",
        "acl does not allow",
    ),
    "acl not of the form": (lambda now: {"acl": ["/**"]}, "unauthorized", "acl"),
    "acl of another path": (
        lambda now: {"acl": {"paths": {"/*/users/**": {}}}},
        "unauthorized",
        "allow GET",
    ),
    "acl of another method": (
        lambda now: {"acl": {"paths": {"/*/calls": {"methods": ["POST"]}}}},
        "unauthorized",
        "acl does not allow GET /v1/calls",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_nexmo_would_refuse_gets_the_rule_that_it_breaks(
    case: str, nexmo: Sandbox
) -> None:
    change, kind, words = REFUSED[case]
    response = call(nexmo, forge(nexmo, **change(int(time.time()))))
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "detail", "instance"}
    assert problem["type"] == TYPE + kind
    assert words in problem["detail"]
    seen = nexmo.requests[-1]
    assert (seen.verdict, seen.status, seen.accepted) == (problem["detail"], 401, False)


MANGLED = {
    "none": (lambda n, t: None, "no Authorization header"),
    "empty": (lambda n, t: "", "malformed"),
    "a.b.c": (lambda n, t: "a.b.c", "malformed"),
    "binary": (lambda n, t: "\xff\xfe.x.y", "malformed"),
    "two parts": (lambda n, t: t.rpartition(".")[0], "malformed"),
    "signature cut": (lambda n, t: t[:-8], ""),
    "signature of zeros": (lambda n, t: t.rpartition(".")[0] + "." + "A" * 342, "signature"),
    "claims changed": (lambda n, t: swap_claims(t), "signature"),
    "another key": (lambda n, t: sign_again(n, Keys().object, "RS256"), "signature"),
    "HS256 with the public key": (lambda n, t: sign_again(n, "x" * 64, "HS256"), "alg is 'HS256'"),
    "RS512": (lambda n, t: sign_again(n, n.private_key.read_bytes(), "RS512"), "alg is 'RS512'"),
    "alg none": (lambda n, t: sign_again(n, None, "none"), "alg is 'none'"),
    "claims are a list": (lambda n, t: raw_token(n, b"[1]"), "malformed"),
    "claims are no JSON": (lambda n, t: raw_token(n, b"{"), "malformed"),
    "claims with NaN": (lambda n, t: raw_token(n, b'{"x": NaN}'), "malformed"),
    "claims are deep": (lambda n, t: raw_token(n, b"[" * 20000), "malformed"),
}


def swap_claims(token: str) -> str:
    header, claims, signature = token.split(".")
    said = json.loads(jwt.utils.base64url_decode(claims))
    said["sub"] = "mallory"
    swapped = jwt.utils.base64url_encode(json.dumps(said).encode()).decode()
    return f"{header}.{swapped}.{signature}"


def sign_again(nexmo: Sandbox, key: object, algorithm: str) -> str:
    claims = jwt.decode(forge(nexmo), options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm=algorithm)


def raw_token(nexmo: Sandbox, payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, nexmo.private_key.read_bytes(), algorithm="RS256")


@pytest.mark.parametrize("case", MANGLED)
def test_a_forged_or_mangled_token_is_refused(case: str, nexmo: Sandbox) -> None:
    mangle, words = MANGLED[case]
    response = call(nexmo, mangle(nexmo, forge(nexmo)))
    assert response.status_code == 401
    assert words in response.json()["detail"]


def test_basic_auth_and_two_headers_are_refused(nexmo: Sandbox) -> None:
    basic = requests.get(nexmo.url, auth=("user", "pass"), timeout=10)
    assert "Basic" in basic.json()["detail"]
    lines = f"Authorization: Bearer {forge(nexmo)}\r\n" * 2
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        connection.sendall(
            f"GET / HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n".encode()
        )
        assert b"2 Authorization headers" in connection.makefile("rb").read()


def test_a_jti_is_taken_once(nexmo: Sandbox) -> None:
    token = forge(nexmo)
    assert call(nexmo, token).status_code == 200
    again = call(nexmo, token)
    assert again.status_code == 401
    assert "jti was used before" in again.json()["detail"]


def test_a_token_without_exp_is_good_for_15_minutes(nexmo: Sandbox) -> None:
    assert call(nexmo, forge(nexmo, exp=None, iat=int(time.time()) - 890)).status_code == 200


# acl path, method, requested path, and whether it opens.
ACL = [
    ("/*/calls/**", "GET", "/v1/calls", True),
    ("/*/calls/**", "GET", "/v1/calls?page_size=1", True),
    ("/*/calls/**", "GET", "/v1/calls/uuid/stream", True),
    ("/*/calls/**", "GET", "/v1/callsx", False),
    ("/*/calls/**", "GET", "/v1/x/calls", False),
    ("/*/calls/**", "GET", "/calls", False),
    ("/v1/calls", "GET", "/v1/calls", True),
    ("/v1/calls", "GET", "/v1/calls/uuid", False),
    ("/v1/c*s", "GET", "/v1/calls", True),
    ("/v1/c.lls", "GET", "/v1/calls", False),
    ("/**", "DELETE", "/v2/anything/at/all", True),
    ("/**", "GET", "/", True),
    ("/**/calls", "GET", "/v1/x/calls", True),
    ("/**/calls", "GET", "/calls", True),
    ("/**/**", "GET", "/a", True),
    ("/v1/[c]alls", "GET", "/v1/calls", False),
    ("/v1/call?", "GET", "/v1/calls", False),
    # Would take for ever if each "**" were tried with each length.
    ("/**" * 14 + "/x", "GET", "/a" * 30, False),
    ("/" + "*a" * 20 + "b", "GET", "/" + "a" * 60, False),
]


@pytest.mark.parametrize(("pattern", "method", "path", "opens"), ACL)
def test_an_acl_opens_what_it_names(
    pattern: str, method: str, path: str, opens: bool, nexmo: Sandbox
) -> None:
    token = forge(nexmo, acl={"paths": {pattern: {"filters": {}}}})
    assert call(nexmo, token, method, path).status_code == (200 if opens else 401)


def test_it_answers_the_calls_and_echoes_everything_else(nexmo: Sandbox) -> None:
    assert call(nexmo, forge(nexmo)).json()["_embedded"]["calls"][0]["status"] == "completed"
    for method, path in [("POST", "/v1/calls"), ("PURGE", "/x?y=1"), ("GET", "/v1/calls/uuid")]:
        echo = call(nexmo, forge(nexmo, sub="alice"), method, path).json()
        assert (echo["method"], echo["path"], echo["claims"]["sub"]) == (method, path, "alice")


def test_it_answers_as_it_is_told_to_in_order(nexmo: Sandbox) -> None:
    nexmo.answer_next(503, {"Retry-After": "1", "Date": None}, "busy")
    nexmo.answer_next(204)
    first, second, third = (call(nexmo, forge(nexmo)) for _ in range(3))
    assert (first.status_code, first.text, first.headers["Retry-After"]) == (503, "busy", "1")
    assert "Date" not in first.headers
    assert (second.status_code, second.text) == (204, "")
    assert third.status_code == 200


@pytest.mark.parametrize("offset", [3600, -3600])
def test_its_clock_can_be_set_off(offset: int) -> None:
    with Sandbox(clock_offset=offset) as nexmo:
        response = call(nexmo, forge(nexmo))
        assert response.status_code == 401
        assert ("expired" if offset > 0 else "future") in response.json()["detail"]
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
            assert session.get(nexmo.url).ok
        with pytest.raises(requests.ConnectionError):
            session.get(nexmo.url)


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
    assert call(nexmo, forge(nexmo)).status_code == 200


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
    requests.post(nexmo.url, auth=nexmo.auth(), data=chunks, timeout=10)
    assert len(nexmo.requests[-1].body) == 36000


def test_it_speaks_tls(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    with Sandbox(ssl_context=context) as nexmo:
        assert nexmo.url.startswith("https://localhost:")
        # A client that says nothing must not keep the others waiting.
        with socket.create_connection(("127.0.0.1", int(nexmo.url.rpartition(":")[2]))):
            response = requests.get(
                nexmo.url, auth=nexmo.auth(), verify=str(tmp_path / "ca.pem"), timeout=10
            )
        assert response.ok


def test_a_port_that_is_taken_is_an_error_of_the_system(nexmo: Sandbox) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        Sandbox(port=int(nexmo.url.rpartition(":")[2]))


@pytest.mark.parametrize(
    "answer",
    [
        (100,),
        (0,),
        ("many",),
        (200, {"X": "ключ"}),
        (200, {"X": "a\r\nY: b"}),
        (200, {"X\n": ""}),
        (200, {}, None),
        (200, {}, {"a": 1}.items()),
    ],
    ids=repr,
)
def test_an_answer_that_http_cannot_send_is_refused_where_it_is_told(
    answer: tuple[object, ...], nexmo: Sandbox
) -> None:
    with pytest.raises((ValueError, TypeError)):
        nexmo.answer_next(*answer)
    assert call(nexmo, forge(nexmo)).status_code == 200


def test_a_client_that_waits_to_be_told_to_go_on_is_told(nexmo: Sandbox) -> None:
    with socket.create_connection(address(nexmo), timeout=5) as connection:
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert b"100 Continue" in connection.recv(1024)
        connection.sendall(b"abc")
        assert b"401" in connection.recv(1024)


def test_a_request_that_holds_too_much_is_refused_and_not_kept(nexmo: Sandbox) -> None:
    assert requests.post(nexmo.url, data=b"x" * (1 << 20), timeout=10).status_code == 400
    chunks = (b"x" * (1 << 19) for _ in range(3))
    with suppress(requests.ConnectionError):  # it may hang up before all is sent
        assert requests.post(nexmo.url, data=chunks, timeout=10).status_code == 400
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
        assert session.get(nexmo.url, timeout=10).text == "all of it"
        assert session.get(nexmo.url, timeout=10).status_code == 401


def test_a_sandbox_runs_once(nexmo: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="Make a new one"):
        nexmo.__enter__()
