"""A token taken apart: which rules it keeps, breaks, or nobody knows, each with a code."""

import itertools
import json
import time

import jwt
import pytest
from conftest import APPLICATION_ID, Keys, forge

from requests_nexmo_jwt.errors import TokenError
from requests_nexmo_jwt.token.inspection import find_token, inspect

NOW = int(time.time())

# What a token says, and the rules that it does not clearly keep: the name, the code, and False
# where it breaks the rule, None where no source says whether Nexmo accepts it.
VERDICTS: list[tuple[dict[str, object], list[tuple[str, str, bool | None]]]] = [
    ({}, []),
    ({"application_id": None}, [("application_id", "missing", False)]),
    ({"jti": 5}, [("jti", "missing", False)]),
    ({"iat": None, "exp": None}, [("iat", "missing", False)]),
    ({"iat": None}, [("iat", "missing", None)]),
    ({"iat": "now"}, [("iat", "malformed", False)]),
    ({"iat": NOW - 0.5}, [("iat", "malformed", None)]),
    ({"iat": str(NOW + 60)}, [("iat", "malformed", None), ("iat", "future", False)]),
    ({"iat": NOW - 500, "exp": NOW - 100}, [("exp", "expired", False)]),
    ({"exp": NOW + 20}, [("exp", "lifetime", None)]),
    ({"exp": "soon"}, [("exp", "malformed", False)]),
    ({"nbf": NOW + 60}, [("nbf", "future", False)]),
    ({"nbf": str(NOW)}, [("nbf", "malformed", None), ("nbf", "present", None)]),
    ({"application_id": "x"}, [("application_id", "malformed", None)]),
    ({"ttl": 3600}, [("ttl", "extra", False)]),
    (
        {"iat": NOW - 86_400, "exp": NOW * 1000},
        [("exp", "milliseconds", None), ("exp", "expired", False)],
    ),
    ({"tenant": 7, "iss": "me"}, [("extra", "extra", None), ("extra", "extra", None)]),
    ({"scope": "session.connect", "role": "publisher"}, []),
    ({"sub": ""}, [("sub", "malformed", False)]),
    ({"acl": []}, [("acl", "malformed", False)]),
]


@pytest.mark.parametrize(("change", "expected"), VERDICTS, ids=itertools.count())
def test_each_rule_that_a_token_does_not_clearly_keep_has_a_code(
    change: dict[str, object], expected: list[tuple[str, str, bool | None]], keys: Keys
) -> None:
    token = inspect(forge(keys, **{"iat": NOW, "exp": NOW + 900, **change}))
    rules = token.rules(now=NOW)
    kept = [rule for rule in rules if rule.kept]
    assert [(rule.name, rule.code, rule.kept) for rule in rules if not rule.kept] == expected
    assert token.broken(now=NOW) == [rule for rule in rules if rule.kept is False]
    assert {rule.code for rule in kept} == {None}
    assert len(kept) == 9 - len({name for name, _, _ in expected} - {"ttl", "extra"})


# How long before a token's iat a server's Date is, and whether the token had not begun. A Date
# stands for a whole second.
@pytest.mark.parametrize(("seconds", "is_broken"), [(0, False), (1, False), (2, True)])
def test_a_token_breaks_a_rule_by_a_date_if_it_does_so_for_all_its_second(
    seconds: int, is_broken: bool, keys: Keys
) -> None:
    token = inspect(forge(keys, iat=NOW, exp=NOW + 900))
    assert bool(token.broken_by_date(NOW - seconds)) == is_broken


# What a token says, and how its rule about exp reads where that is kept.
CUT = "more than 24 hours after iat, of which 24 hours count"
VIDEO = {"scope": "session.connect"}
NOTES = [
    ({}, "not in the past, 30 s to 24 hours after iat"),
    ({"exp": NOW + 86_400}, "not in the past, 30 s to 24 hours after iat"),
    ({"exp": NOW + 90_000}, CUT),
    ({"iat": NOW - 86_000, "exp": NOW + 10**7}, CUT),
    ({**VIDEO, "exp": NOW + 40 * 86_400}, CUT.replace("24 hours", "30 days")),
    ({**VIDEO, "exp": NOW + 20 * 86_400}, "not in the past, 30 s to 30 days after iat"),
    ({"exp": None}, "absent: 15 min after iat"),
    ({"iat": None, "exp": NOW + 10**7}, "not in the past"),
    ({"iat": NOW * 1000, "exp": NOW + 10**7}, "not in the past"),
    ({"iat": "now", "exp": NOW + 10**7}, "not in the past"),
    ({"iat": None, "exp": None}, "absent"),
    ({"iat": "now", "exp": None}, "absent"),
]


@pytest.mark.parametrize(("change", "words"), NOTES, ids=itertools.count())
def test_a_token_that_keeps_the_rule_about_exp_shows_when_it_ends(
    change: dict[str, object], words: str, keys: Keys
) -> None:
    token = inspect(forge(keys, **{"iat": NOW, "exp": NOW + 900, **change}))
    (rule,) = (rule for rule in token.rules(now=NOW) if rule.name == "exp")
    assert (rule.kept, rule.reason) == (True, words)


def raw(header: str, claims: str) -> str:
    parts = [jwt.utils.base64url_encode(text.encode()).decode() for text in (header, claims)]
    return ".".join([*parts, ""])


# A header, and the rules about it that a token does not clearly keep.
HEADERS: list[tuple[str, list[tuple[str, str, bool | None]]]] = [
    ('{"alg": "RS256", "typ": "JWT"}', []),
    ('{"alg": "RS256", "typ": "JWT", "kid": "1"}', []),
    ('{"alg": "RS256"}', [("typ", "malformed", None)]),
    ('{"alg": "RS256", "typ": "at+jwt"}', [("typ", "malformed", None)]),
    ('{"alg": "RS256", "typ": "jwt"}', [("typ", "malformed", None)]),
    ('{"alg": "RS256", "typ": ["JWT"]}', [("typ", "malformed", None)]),
    ('{"alg": "HS256", "typ": "JWT"}', [("alg", "malformed", False)]),
    ('{"alg": "rs256", "typ": "JWT"}', [("alg", "malformed", False)]),
    ('{"alg": "none"}', [("alg", "malformed", False), ("typ", "malformed", None)]),
]


@pytest.mark.parametrize(("header", "expected"), HEADERS)
def test_a_header_is_judged_too(
    header: str, expected: list[tuple[str, str, bool | None]], keys: Keys
) -> None:
    claims = {"application_id": APPLICATION_ID, "iat": NOW, "exp": NOW + 900, "jti": "j"}
    token = inspect(raw(header, json.dumps(claims)))
    found = [(rule.name, rule.code, rule.kept) for rule in token.rules(now=NOW) if not rule.kept]
    assert found == expected


# The claims of a token with HS256, and what it is for.
OTHERS = [
    ({"payload_hash": "x", "api_key": "abcd1234", "iss": "Vonage"}, "a signed webhook's"),
    ({"api_key": "abcd1234", "iss": "Vonage"}, "a signed webhook's"),
    ({"ist": "project", "iss": "46123456"}, "OpenTok's, for the header X-OPENTOK-AUTH"),
    ({"application_id": APPLICATION_ID}, "Nexmo requires 'RS256'"),
]


@pytest.mark.parametrize(("claims", "words"), OTHERS)
def test_a_token_of_another_kind_is_named(claims: dict[str, str], words: str) -> None:
    token = inspect(raw('{"alg": "HS256", "typ": "JWT"}', json.dumps(claims)))
    (rule,) = (rule for rule in token.rules(now=NOW) if rule.name == "alg")
    assert rule.kept is False
    assert words in rule.reason


@pytest.mark.parametrize("acl", ['{"paths": {"/*/calls/**": {}}}', {"paths": {"/*/calls/**": []}}])
def test_an_acl_in_a_form_that_was_seen_accepted_permits_what_it_says(
    acl: object, keys: Keys
) -> None:
    token = inspect(forge(keys, acl=acl))
    assert token.opens("GET", "/v1/calls") is True
    assert token.opens("GET", "/v1/users") is False


def test_a_signature_is_verified_with_the_public_key_alone(keys: Keys) -> None:
    token = inspect(forge(keys))
    assert token.is_signed_by(keys.public)
    assert not token.is_signed_by(Keys().public)


@pytest.mark.parametrize(
    "text", ["", "hello", "a.b.c", "..", "é.ü.ß", raw('{"alg": "RS256"}', '{"exp": NaN}')]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError, match="This is not a JSON Web Token"):
        inspect(text)


# A text, and the token in it; {} is one that is whole.
TOKENS = [
    ("{}", "{}"),
    ("x {} y", "{}"),
    ("x,{};y z", "{}"),
    ('{"Authorization": "Bearer {}"}', "{}"),
    ("eyJ-eyJ- eyJ.eyJ {}", "{}"),
    ("eyJ.eyJ.eyJ {}", "eyJ.eyJ.eyJ"),
    ("eyJ.eyJ.eyJ Bearer {}", "{}"),
    ("Bearer abc, and {}", "{}"),
    ("Bearer abc", "abc"),
    ("xeyJ {}", "{}"),
    ("(see {})\n", "{}"),
]


@pytest.mark.parametrize(("text", "found"), TOKENS)
def test_a_token_is_found_amid_other_words(text: str, found: str, keys: Keys) -> None:
    token = forge(keys)
    assert find_token(text.replace("{}", token)) == found.replace("{}", token)
