"""Which tokens the sandbox accepts."""

import json
import socket
import time

import jwt
import pytest
import requests
from conftest import Keys, address, forge, send

from requests_nexmo_jwt.sandbox import Sandbox

TYPE = "https://developer.vonage.com/api-errors#"


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
    response = send(nexmo, forge(nexmo, **change(int(time.time()))))
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
    response = send(nexmo, mangle(nexmo, forge(nexmo)))
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
    assert send(nexmo, token).status_code == 200
    again = send(nexmo, token)
    assert again.status_code == 401
    assert "jti was used before" in again.json()["detail"]


def test_a_token_without_exp_is_good_for_15_minutes(nexmo: Sandbox) -> None:
    assert send(nexmo, forge(nexmo, exp=None, iat=int(time.time()) - 890)).status_code == 200
