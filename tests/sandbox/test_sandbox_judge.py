"""Which tokens the sandbox accepts."""

import json
import socket
import time

import jwt
import pytest
import requests
from conftest import Keys, address, forge, send

from requests_nexmo_jwt.sandbox import Sandbox

# What is wrong with the token, and words of the verdict. The rules have tests of their own.
REFUSED = {
    "application_id of another": (
        lambda now: {"application_id": "other"},
        "application_id 'other' is not the sandbox's: was this auth object made before the "
        "fixture, or with credentials other than the sandbox's?",
    ),
    "no application_id": (lambda now: {"application_id": None}, "application_id is missing"),
    "neither iat nor exp": (lambda now: {"iat": None, "exp": None}, "iat is missing"),
    "iat a moment in the future": (lambda now: {"iat": now + 10}, "in the future"),
    "expired, as strings": (
        lambda now: {"iat": str(now - 6000), "exp": str(now - 5000)},
        "expired 83 min ago",
    ),
    "older than 24 h": (lambda now: {"iat": now - 90000, "exp": now + 90000}, "24 hours after"),
    "no exp, old": (lambda now: {"iat": now - 1000, "exp": None}, "15 min after iat"),
    "acl not of the form": (lambda now: {"acl": ["/**"]}, "acl"),
    **{
        f"acl {number}": (lambda now, path=path: {"acl": {"paths": path}}, "permit GET /v1/calls")
        for number, path in enumerate(
            [
                {"/*/calls": {"methods": []}},
                {"/*/users/**": {}},
                {"/*/calls": {"methods": ["POST"]}},
            ]
        )
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_token_is_refused_and_the_verdict_says_why(case: str, nexmo: Sandbox) -> None:
    change, words = REFUSED[case]
    status = 403 if "permit" in words else 401  # Voice refuses an acl with a 403
    response = send(nexmo, forge(nexmo, **change(int(time.time()))))
    assert response.status_code == status
    seen = nexmo.requests[-1]
    assert words in seen.verdict
    assert (seen.status, seen.accepted) == (status, False)
    assert response.headers["X-Sandbox-Verdict"] == seen.verdict
    assert words not in response.text
    assert (response.content == b"") == (status == 403)


# What Nexmo is known to accept, or of which nobody knows that it is refused.
ACCEPTED = {
    "exp beyond 24 h": lambda now: {"exp": now + 90000},
    "exp under 30 s": lambda now: {"iat": now - 5, "exp": now + 20},
    "no exp": lambda now: {"exp": None},
    "no exp, nearly 15 min old": lambda now: {"exp": None, "iat": now - 890},
    "nearly 24 h old": lambda now: {"iat": now - 86000, "exp": now + 10 * 86400},
    "iat a string": lambda now: {"iat": str(now)},
    "exp a string": lambda now: {"exp": str(now + 60)},
    "iat a fraction": lambda now: {"iat": now - 0.5},
    "no iat beside an exp": lambda now: {"iat": None},
    "acl of this path": lambda now: {"acl": {"paths": {"/*/calls/**": {}}}},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_token_that_nexmo_is_not_known_to_refuse_is_accepted(case: str, nexmo: Sandbox) -> None:
    assert send(nexmo, forge(nexmo, **ACCEPTED[case](int(time.time())))).status_code == 200
    assert nexmo.requests[-1].accepted


EXPIRED = {"iat": 1_000_000_000, "exp": 1_000_000_900}
GATEWAY = {"title": "Unauthorized", "detail": "You did not provide correct credentials."}
GATEWAY["type"] = "https://developer.nexmo.com/api-errors#unauthorized"
ERRORS = "https://developer.vonage.com/en/api-errors"
CONVERSATION = "https://developer.nexmo.com/api/conversation#"

# The path of a POST, what is wrong with the token (None: there is none), the status and the body,
# less the instance.
WORDS = [
    ("/v1/calls", {}, 401, {"type": "UNAUTHORIZED", "error_title": "Unauthorized"}),
    ("/v1/calls", None, 401, {"type": "UNAUTHORIZED", "error_title": "Unauthorized"}),
    ("/v1/messages", {}, 401, {"title": "Unauthorised", "detail": "Invalid Token"}),
    ("/v1/messages", None, 401, {"detail": "Request header 'Authorization' missing"}),
    ("/v1/users", {}, 401, {"code": "system:error:invalid-token"}),
    ("/v1/users", None, 401, {"code": "system:error:missing-token"}),
    ("/v1/users", EXPIRED, 401, {"code": "system:error:expired-token"}),
    ("/v1/users", {"acl": {"paths": {"/x": {}}}}, 401, {"code": "system:error:permission"}),
    ("/v0.3/conversations", EXPIRED, 401, {"type": f"{CONVERSATION}system:error:expired-token"}),
    ("/v1/sessions", {"good": True}, 401, {"code": "user:error:invalid-user-token"}),
    ("/oauth2/bc-authorize", {"acl": {"paths": {"/**": {}}}}, 401, GATEWAY),
    ("/v2/verify", {}, 401, GATEWAY),
    ("/v2/verify", EXPIRED, 401, {"type": f"{ERRORS}#jwt-expired"}),
    ("/v2/project/x/archive", {}, 403, {"message": "You passed in an invalid Vonage JWT token."}),
    ("/v3/media", {}, 401, {"status": 401}),
    ("/v2/applications", {"good": True}, 401, GATEWAY),
    ("/accounts/a/secrets", {"good": True}, 401, {"title": "Invalid credentials supplied"}),
    ("/v1/redact/x", {"good": True}, 401, {"type": "UNAUTHORIZED"}),
    ("/beta/audit", {"good": True}, 401, {"error": "Unauthorized"}),
    ("/sms/json", {"good": True}, 401, {"error-code-label": "authentication failed"}),
    ("/v2/calls", {}, 401, GATEWAY),
    ("/added", {}, 401, GATEWAY),
    ("/added", None, 401, GATEWAY),
]


@pytest.mark.parametrize(
    ("path", "change", "status", "body"), WORDS, ids=[f"{n} {w[0]}" for n, w in enumerate(WORDS)]
)
def test_a_refusal_is_in_the_words_of_the_product(
    path: str,
    change: dict[str, object] | None,
    status: int,
    body: dict[str, object],
    nexmo: Sandbox,
    keys: Keys,
) -> None:
    nexmo.answer("POST", "/added")  # which no product has
    token = None if change is None else forge(nexmo if change else keys, **change)
    response = send(nexmo, token, "POST", path)
    assert response.status_code == status
    assert body.items() <= response.json().items()
    trace_id = response.headers["x-nexmo-trace-id"]
    assert response.json().get("instance", trace_id) == trace_id
    assert "WWW-Authenticate" not in response.headers
    assert not nexmo.requests[-1].accepted


KEY_AND_SECRET = {"/v2/applications": 200, "/v1/messages": 202, "/sms/json": 200}
KEY_AND_SECRET |= {"/v1/calls": 401, "/added": 401}


@pytest.mark.parametrize(("path", "status"), KEY_AND_SECRET.items())
def test_the_api_key_and_secret_are_accepted_where_the_product_accepts_them(
    path: str, status: int, nexmo: Sandbox
) -> None:
    nexmo.answer("POST", "/added")
    right = (nexmo.api_key, nexmo.api_secret)
    assert requests.post(nexmo.url + path, auth=right, timeout=10).status_code == status
    wrong = (nexmo.api_key, "wrong")
    assert requests.post(nexmo.url + path, auth=wrong, timeout=10).status_code == 401
    for verdict in [seen.verdict for seen in nexmo.requests]:
        assert nexmo.api_secret not in verdict


def test_the_application_s_public_key_is_shown_to_its_account(nexmo: Sandbox, keys: Keys) -> None:
    url = f"{nexmo.url}/v2/applications/{nexmo.application_id}"
    account = (nexmo.api_key, nexmo.api_secret)
    shown = requests.get(url, auth=account, timeout=10).json()
    assert shown["id"] == nexmo.application_id
    claims = jwt.decode(forge(nexmo), shown["keys"]["public_key"], algorithms=["RS256"])
    assert claims["application_id"] == nexmo.application_id
    nexmo.accept_key(keys.public)
    rotated = requests.get(url, auth=account, timeout=10).json()
    assert rotated["keys"]["public_key"] == keys.public_pem.decode()
    other = f"{nexmo.url}/v2/applications/other"
    assert requests.get(other, auth=account, timeout=10).status_code == 404
    assert requests.get(url, auth=("a", "b"), timeout=10).status_code == 401


MANGLED = {
    "none": (lambda n, t: None, "no Authorization header"),
    "empty": (lambda n, t: "", "malformed"),
    "a.b.c": (lambda n, t: "a.b.c", "malformed"),
    "binary": (lambda n, t: "\xff\xfe.x.y", "malformed"),
    "two parts": (lambda n, t: t.rpartition(".")[0], "malformed"),
    "signature cut": (lambda n, t: t[:-9], "malformed"),
    "signature of zeros": (lambda n, t: t.rpartition(".")[0] + "." + "A" * 342, "signature"),
    "claims changed": (lambda n, t: swap_claims(t), "signature"),
    "another key": (lambda n, t: sign_again(n, Keys().object, "RS256"), "signature"),
    "HS256 with the public key": (lambda n, t: sign_again(n, "x" * 64, "HS256"), "alg is 'HS256'"),
    "RS512": (lambda n, t: sign_again(n, n.private_key.read_bytes(), "RS512"), "alg is 'RS512'"),
    "alg none": (lambda n, t: sign_again(n, None, "none"), "alg is 'none'"),
    "claims are a list": (lambda n, t: raw_token(n, b"[1]"), "malformed"),
    "claims are no JSON": (lambda n, t: raw_token(n, b"{"), "malformed"),
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
    assert words in nexmo.requests[-1].verdict


def test_a_scheme_that_is_not_bearer_and_two_headers_are_refused(nexmo: Sandbox) -> None:
    token = forge(nexmo)
    for header in (token, f"Token {token}", f"Digest {token}"):
        answer = requests.get(
            f"{nexmo.url}/v1/calls", headers={"Authorization": header}, timeout=10
        )
        assert answer.status_code == 401
        assert "is not Bearer" in nexmo.requests[-1].verdict
        assert token not in nexmo.requests[-1].verdict
    lines = f"Authorization: Bearer {forge(nexmo)}\r\n" * 2
    with socket.create_connection(address(nexmo), timeout=10) as connection:
        connection.sendall(
            f"GET /v1/calls HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n".encode()
        )
        assert b"2 Authorization headers" in connection.makefile("rb").read()


def test_a_token_is_accepted_twice_unless_single_use_is_set(nexmo_key: object) -> None:
    for single_use, statuses in [(False, [200, 200]), (True, [200, 401])]:
        with Sandbox(key=nexmo_key, single_use=single_use) as nexmo:
            token = forge(nexmo)
            assert [send(nexmo, token).status_code for _ in range(2)] == statuses
            assert ("jti was used before" in nexmo.requests[-1].verdict) == single_use
