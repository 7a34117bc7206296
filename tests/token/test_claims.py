"""What a token says, and which claims are refused at construction."""

import itertools
import pickle
import time
import uuid
from datetime import timedelta
from decimal import Decimal

import jwt
import pytest
from conftest import APPLICATION_ID, Keys, key_text_in
from hypothesis import given
from hypothesis import strategies as st

from requests_nexmo_jwt import ClaimError, CredentialsError, NexmoJWT, NexmoJWTError


def test_a_token_says_what_nexmo_asks_for_and_nothing_else(keys: Keys) -> None:
    before = int(time.time())
    token = NexmoJWT(APPLICATION_ID, keys.object).token()
    decoded = jwt.PyJWT().decode_complete(token, keys.public, algorithms=["RS256"])
    assert decoded["header"] == {"alg": "RS256", "typ": "JWT"}
    claims = decoded["payload"]
    assert set(claims) == {"application_id", "iat", "exp", "jti"}
    assert claims["application_id"] == APPLICATION_ID
    assert type(claims["iat"]) is int
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 900
    assert uuid.UUID(claims["jti"]).version == 4


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [
        (30, 30),
        (86400, 86400),
        (60.9, 60),
        (timedelta(minutes=5), 300),
        (timedelta(seconds=30, microseconds=5), 30),
    ],
)
def test_a_token_lives_for_ttl(ttl: object, seconds: int, keys: Keys) -> None:
    token = NexmoJWT(APPLICATION_ID, keys.object, ttl=ttl).token()
    claims = jwt.decode(token, keys.public, algorithms=["RS256"])
    assert claims["exp"] - claims["iat"] == seconds
    assert type(claims["exp"]) is int


LONG = {"paths": {"/*/calls/**": {"methods": ["GET"], "filters": {"to": "447700900000"}}}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sub": "alice"}, {"sub": "alice"}),
        ({"sub": "Zoë+1@example.com"}, {"sub": "Zoë+1@example.com"}),
        ({"acl": "/*/calls/**"}, {"acl": {"paths": {"/*/calls/**": {}}}}),
        ({"acl": ["GET:/a", "/b"]}, {"acl": {"paths": {"/a": {"methods": ["GET"]}, "/b": {}}}}),
        ({"acl": (path for path in ("/a", "/b"))}, {"acl": {"paths": {"/a": {}, "/b": {}}}}),
        ({"acl": LONG}, {"acl": LONG}),
        ({"claims": {"nbf": 1541060230}}, {"nbf": 1541060230}),
        (
            {"claims": {"x": {"a": [1, None, "é"]}, "aud": ["a"]}},
            {"x": {"a": [1, None, "é"]}, "aud": ["a"]},
        ),
        ({"claims": {"sub": "bob", "acl": ["/a"]}}, {"sub": "bob", "acl": {"paths": {"/a": {}}}}),
    ],
    ids=itertools.count(),
)
def test_what_is_asked_for_is_in_the_token(
    options: dict[str, object], expected: dict[str, object], keys: Keys
) -> None:
    token = NexmoJWT(APPLICATION_ID, keys.object, **options).token()
    claims = jwt.decode(token, keys.public, algorithms=["RS256"], options={"verify_aud": False})
    ours = ("application_id", "iat", "exp", "jti")
    assert {name: value for name, value in claims.items() if name not in ours} == expected


def test_what_the_caller_changes_later_changes_no_token(keys: Keys) -> None:
    claims = {"list": [1]}
    auth = NexmoJWT(APPLICATION_ID, keys.object, claims=claims)
    claims["list"].append(2)
    assert jwt.decode(auth.token(), keys.public, algorithms=["RS256"])["list"] == [1]


def circle() -> dict[str, object]:
    round_and_round: dict[str, object] = {}
    round_and_round["again"] = round_and_round
    return round_and_round


def deep() -> list[object]:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


KEY_TEXTS = (
    "MIIEvQIBADANBg" * 100,
    "LS0tLS1CRUdJTi",
    "0tLS0tQkVHSU4",
    "----BEGIN PRIVATE KEY----\nMII",
)

# Options that break a rule, and words that the error must say. Adding a case is adding a line.
BAD: list[tuple[dict[str, object], str, str]] = [
    ({"ttl": 29}, "ttl", "ttl is 29 s"),
    ({"ttl": 29.999}, "ttl", "30 to 86400"),
    ({"ttl": 86401}, "ttl", "30 to 86400"),
    ({"ttl": 86400.5}, "ttl", "30 to 86400"),
    ({"ttl": float("nan")}, "ttl", "ttl is nan"),
    ({"ttl": 10**5000}, "ttl", "30 to 86400"),
    ({"ttl": timedelta(seconds=29)}, "ttl", "ttl is 29.0 s"),
    ({"ttl": "60"}, "ttl", "ttl is '60'"),
    ({"ttl": True}, "ttl", "number of seconds"),
    ({"ttl": Decimal(60)}, "ttl", "number of seconds"),
    ({"sub": 5}, "sub", "sub is 5"),
    ({"sub": ""}, "sub", "not a non-empty string"),
    ({"sub": "\ud800"}, "claims", "written as JSON"),
    ({"acl": b"/a"}, "acl", "a list of paths"),
    ({"acl": 5}, "acl", "a list of paths"),
    ({"acl": []}, "acl", "names no path"),
    ({"acl": ["calls"]}, "acl", "'calls' is not an acl"),
    ({"acl": [5]}, "acl", "A path is a str"),
    ({"acl": {"paths": {}}}, "acl", "names no path"),
    ({"acl": {"paths": ["/a"]}}, "acl", "has paths that are ['/a'], not an object"),
    ({"acl": {"path": {"/a": {}}}}, "acl", "'paths' alone"),
    ({"acl": {"paths": {"/a": {}}, "more": 1}}, "acl", "'paths' alone"),
    ({"acl": {"paths": {"/a": None}}}, "acl", "'methods' and 'filters'"),
    ({"acl": {"paths": {"/a": {"method": ["GET"]}}}}, "acl", "'methods' and 'filters'"),
    ({"acl": {"paths": {"/a": {"methods": "GET"}}}}, "acl", "methods"),
    ({"acl": {"paths": {"/a": {"methods": ["get"]}}}}, "acl", "has the method 'get', which is"),
    ({"acl": {"paths": {"/a": {"methods": ["GET", "GETT"]}}}}, "acl", "has the method 'GETT'"),
    ({"acl": ["GET,GETT:/a"]}, "acl", "has the method 'GETT'"),
    ({"acl": {"paths": {"/a": {"methods": [5]}}}}, "acl", "methods"),
    ({"acl": {"paths": {"/a": {"filters": []}}}}, "acl", "filters"),
    ({"acl": {"paths": {5: {}}}}, "acl", "begin with '/'"),
    ({"claims": "nbf"}, "claims", "a mapping"),
    ({"claims": {5: "x"}}, "claims", "A name is a str"),
    ({"claims": {"application_id": "x"}}, "application_id", "which is always set"),
    ({"claims": {"iat": 5}}, "iat", "which is always set"),
    ({"claims": {"ttl": 3600}}, "ttl", "Pass ttl= instead"),
    *(
        ({"claims": {name: "x"}}, "claims", f"claims has '{name}' in it")
        for name in ("api_secret", "apiSecret", "signature_secret", "private key", "privateKey")
    ),
    ({"claims": {"deep": [{"api_secret": "x"}]}}, "claims", "claims has 'api_secret' in it"),
    *(({"claims": {"x": text}}, "claims", "has a private key in it") for text in KEY_TEXTS),
    ({"sub": KEY_TEXTS[0]}, "claims", "has a private key in it"),
    ({"claims": {"passphrase": "x"}}, "claims", "claims has 'passphrase' in it"),
    ({"claims": {"nbf": 1678731540406}}, "nbf", "milliseconds, not seconds"),
    ({"claims": {"nbf": 4_000_000_000}}, "nbf", "after the token's end"),
    ({"claims": {"nbf": "5"}}, "nbf", "Unix seconds"),
    ({"claims": {"nbf": -5}}, "nbf", "Unix seconds"),
    ({"claims": {"nbf": 10**5000}}, "nbf", "Unix seconds"),
    ({"claims": {"iss": 5}}, "iss", "not a non-empty string"),
    ({"claims": {"sub": None}}, "sub", "not a non-empty string"),
    ({"claims": {"acl": 5}}, "acl", "a list of paths"),
    ({"claims": {"sub": "a"}, "sub": "b"}, "sub", "given twice"),
    ({"claims": {"acl": ["/a"]}, "acl": ["/b"]}, "acl", "given twice"),
    ({"claims": {"x": object()}}, "claims", "written as JSON"),
    ({"claims": {"x": float("nan")}}, "claims", "written as JSON"),
    ({"claims": {"x": {(1, 2): 3}}}, "claims", "written as JSON"),
    ({"claims": {"x": circle()}}, "claims", "written as JSON"),
    ({"claims": {"x": deep()}}, "claims", "written as JSON"),
]


@pytest.mark.parametrize(("options", "claim", "words"), BAD, ids=itertools.count())
def test_a_claim_that_nexmo_would_refuse_fails_at_construction(
    options: dict[str, object], claim: str, words: str, keys: Keys
) -> None:
    with pytest.raises(ClaimError) as caught:
        NexmoJWT(APPLICATION_ID, keys.object, **options)
    message = str(caught.value)
    assert words in message
    assert claim in message
    assert caught.value.claim == claim
    assert len(message) < 400
    assert pickle.loads(pickle.dumps(caught.value)).claim == claim


@pytest.mark.parametrize(
    "application_id",
    ["", " ", "\n", "id\n", " id", "i\x1bd", "\ud800", 5, b"aaaa", uuid.uuid4(), ["x"]],
)
def test_an_invalid_application_id_is_refused(application_id: object, keys: Keys) -> None:
    with pytest.raises(CredentialsError, match=r"application_id (is|has)"):
        NexmoJWT(application_id, keys.object)


def test_missing_credentials_say_which_one_and_how_to_give_it() -> None:
    for arguments, missing in ((("id",), "private_key"), ((None, "x.key"), "application_id")):
        with pytest.raises(CredentialsError, match=rf"{missing} is missing.*NexmoJWT\("):
            NexmoJWT(*arguments)


KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDGkY3mO3Vc8l0t"


@pytest.mark.parametrize(
    "options",
    [
        {"sub": f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n"},
        {"claims": {"note": [f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINE}\n"]}},
        {"claims": {f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}": 1}},
        {"sub": [KEY_LINE]},
        {"claims": [KEY_LINE]},
        {"claims": KEY_LINE},
        {"acl": KEY_LINE},
        {"acl": [KEY_LINE]},
        {"ttl": KEY_LINE},
    ],
    ids=itertools.count(),
)
def test_key_text_in_the_wrong_place_is_not_shown(options: dict[str, object], keys: Keys) -> None:
    with pytest.raises(NexmoJWTError) as caught:
        NexmoJWT(APPLICATION_ID, keys.object, **options)
    assert KEY_LINE[:20] not in str(caught.value)


def test_a_key_in_the_place_of_the_id_is_refused_and_not_shown(keys: Keys) -> None:
    lines = keys.pkcs8.decode().splitlines()
    for swapped in (keys.pkcs8, keys.pkcs8.decode(), lines, "".join(lines[1:-1])):
        with pytest.raises(CredentialsError) as caught:
            NexmoJWT(swapped, keys.object)
        assert key_text_in(str(caught.value), keys.pkcs8) is None


CLAIMS = ["application_id", "iat", "exp", "jti", "nbf", "acl", "sub", "iss"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=3) | st.sampled_from(CLAIMS), JSON))
def test_whatever_claims_are_given_either_sign_or_are_refused(
    keys: Keys, claims: dict[str, object]
) -> None:
    try:
        auth = NexmoJWT(APPLICATION_ID, keys.object, claims=claims)
    except NexmoJWTError:
        return
    jwt.decode(
        auth.token(),
        keys.public,
        algorithms=["RS256"],
        options={"verify_aud": False, "verify_nbf": False},
    )
