"""The documented rules for a token: what keeps them, what breaks them, and what nobody knows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_nexmo_jwt.token.rules import acl_opens, read_time, span, violations

NOW = 1_800_000_000

ID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
GOOD = {"application_id": ID, "iat": NOW, "exp": NOW + 900, "jti": "j"}

# A token for a client of Vonage Video, which may live for 30 days.
VIDEO = {"scope": "session.connect"}
MONTH = 30 * 86_400

# In the tables below, what a token says instead of GOOD. None: it says nothing; "null": it says
# null.

# The claim that is wrong, and words.
BROKEN: list[tuple[dict[str, object], str, str]] = [
    ({"application_id": None}, "application_id", "missing"),
    ({"application_id": ""}, "application_id", "missing"),
    ({"application_id": 5}, "application_id", "not a string"),
    ({"iat": None, "exp": None}, "iat", "iat is missing, and so is exp"),
    ({"iat": "null"}, "iat", "iat is None, not Unix seconds"),
    ({"iat": "now"}, "iat", "iat is 'now', not Unix seconds"),
    ({"iat": f" {NOW}"}, "iat", "Unix seconds"),
    ({"iat": f"{NOW}.5"}, "iat", "Unix seconds"),
    ({"iat": "١٢٣"}, "iat", "Unix seconds"),
    ({"iat": "1" * 5000}, "iat", "Unix seconds"),
    ({"iat": [NOW]}, "iat", "Unix seconds"),
    ({"iat": True}, "iat", "Unix seconds"),
    ({"iat": -1}, "iat", "Unix seconds"),
    ({"iat": -0.5}, "iat", "Unix seconds"),
    ({"iat": 10**4000}, "iat", "Unix seconds"),
    ({"iat": 1e300}, "iat", "Unix seconds"),
    ({"iat": NOW + 1}, "iat", "iat is 1 s in the future: a clock is wrong"),
    ({"exp": "null"}, "exp", "exp is None"),
    ({"exp": "soon"}, "exp", "exp is 'soon'"),
    ({"exp": float("nan")}, "exp", "Unix seconds"),
    ({"iat": NOW - 60, "exp": NOW}, "exp", "expired 0 s ago"),
    ({"iat": NOW - 100, "exp": NOW - 50}, "exp", "expired 50 s ago"),
    ({"iat": NOW - 10, "exp": NOW - 5}, "exp", "expired 5 s ago"),
    ({"iat": NOW - 900, "exp": None}, "exp", "15 min after iat, since there is no exp"),
    ({"iat": NOW - 86_400, "exp": NOW + 1}, "exp", "expired 0 s ago: 24 hours after iat"),
    ({"iat": NOW - 90_000, "exp": NOW + 90_000}, "exp", "60 min ago: 24 hours after iat, whatever"),
    ({**VIDEO, "iat": NOW - MONTH, "exp": NOW + 9}, "exp", "expired 0 s ago: 30 days after iat"),
    ({**VIDEO, "iat": NOW - 90_000, "exp": NOW - 5}, "exp", "expired 5 s ago"),
    ({"scope": "video", "iat": NOW - 90_000, "exp": NOW + 9}, "exp", "24 hours after iat"),
    ({"nbf": NOW + 1}, "nbf", "nbf is 1 s in the future: not valid yet"),
    ({"nbf": "now"}, "nbf", "nbf is 'now', not Unix seconds"),
    ({"jti": None}, "jti", "missing"),
    ({"jti": ""}, "jti", "missing"),
    ({"jti": 5}, "jti", "not a string"),
    ({"acl": ["/a"]}, "acl", "'paths' alone"),
    ({"acl": "null"}, "acl", "acl is None"),
    ({"sub": 5}, "sub", "not a non-empty string"),
    ({"iss": ""}, "iss", "not a non-empty string"),
    ({"ttl": 3600}, "ttl", "Nexmo was seen to reject a token with it"),
    ({"acl": {"paths": {"/a": {"methods": ["GETT"]}}}}, "acl", "has the method 'GETT'"),
    ({"acl": "/*/calls/**"}, "acl", "neither a list of paths"),
]

# The claim of which no source says whether Nexmo accepts it, and words.
NOT_DOCUMENTED: list[tuple[dict[str, object], str, str]] = [
    ({"iat": None}, "iat", "iat is missing; whether Nexmo accepts that beside an exp"),
    ({"iat": str(NOW)}, "iat", f"iat is '{NOW}', a string; whether Nexmo accepts that"),
    ({"iat": NOW * 1000}, "iat", "iat is in milliseconds, not seconds; whether Nexmo accepts"),
    ({"iat": str(NOW * 1000)}, "iat", "iat is in milliseconds, not seconds; whether Nexmo"),
    ({"exp": str(NOW * 1000)}, "exp", "exp is in milliseconds, not seconds; whether Nexmo"),
    ({"exp": NOW * 1000.0}, "exp", "exp is in milliseconds, not seconds; whether Nexmo"),
    ({"nbf": NOW * 1000}, "nbf", "nbf is in milliseconds, not seconds; whether Nexmo accepts"),
    ({"iat": float(NOW)}, "iat", f"iat is {NOW}.0, a fraction; whether Nexmo accepts that"),
    ({"iat": NOW + 0.5}, "iat", "a fraction"),
    ({"exp": str(NOW + 60)}, "exp", "a string"),
    ({"exp": NOW + 60.5}, "exp", "a fraction"),
    ({"exp": NOW + 29}, "exp", "exp is 29 s after iat; 30 s is the documented minimum"),
    ({"iat": NOW - 20, "exp": NOW + 1}, "exp", "exp is 21 s after iat"),
]

# The same, where it was seen that Nexmo accepts it, or does not.
SEEN: list[tuple[dict[str, object], str, str]] = [
    ({"exp": (NOW + 900) * 1000}, "exp", "exp is in milliseconds, not seconds; Nexmo was seen to"),
    ({"nbf": NOW}, "nbf", "Nexmo was seen to refuse such a token"),
    ({"nbf": 0}, "nbf", "Nexmo was seen to refuse"),
    ({"acl": json.dumps({"paths": {"/a": {}}})}, "acl", "Voice was seen to accept that"),
    ({"acl": {"paths": {"/a": []}}}, "acl", "Voice was seen to accept that"),
    ({"application_id": "abcd1234"}, "application_id", "'abcd1234', not a UUID"),
    ({"application_id": f'"{ID}"'}, "application_id", "not a UUID"),
    ({"application_id": "aBcDeFgHiJkLmN01"}, "application_id", "is (redacted), not a UUID"),
    ({"api_secret": "S3cretS3"}, "secret", "'api_secret' may be a secret, and anyone who sees"),
    ({"Password": "S3cretS3"}, "secret", "'Password' may be a secret"),
    ({"note": "-----END PRIVATE KEY-----"}, "secret", "'note' may be a secret"),
]

KEPT: list[dict[str, object]] = [
    {},
    {"exp": None},
    {"iat": NOW - 899, "exp": None},
    {"exp": NOW + 30},
    {"exp": NOW + 86_400},
    {"exp": NOW + 86_401},
    {"exp": NOW + 10 * 365 * 86_400},
    {"iat": NOW - 86_399, "exp": NOW + 1},
    {"iat": NOW - 86_399, "exp": NOW + 86_400},
    {"acl": {"paths": {"/a": {}}}, "sub": "alice"},
    {"api_key": "abcd1234", "payload_hash": "a1" * 32},
    VIDEO,
    {**VIDEO, "iat": NOW - 90_000, "exp": NOW + 90_000},
    {**VIDEO, "iat": NOW - MONTH + 1, "exp": NOW + 9},
    {**VIDEO, "exp": NOW + 10 * MONTH},
]

# More than one thing at once: the claims, and whether a source says that Nexmo refuses it.
SEVERAL: list[tuple[dict[str, object], list[tuple[str, bool]]]] = [
    ({"iat": str(NOW), "exp": str(NOW + 900)}, [("iat", False), ("exp", False)]),
    ({"iat": str(NOW + 60)}, [("iat", False), ("iat", True)]),
    ({"iat": str(NOW - 60), "exp": str(NOW - 10)}, [("iat", False), ("exp", False), ("exp", True)]),
    ({"iat": str(NOW - 900), "exp": None}, [("iat", False), ("exp", True)]),
    ({"exp": NOW + 20.5}, [("exp", False), ("exp", False)]),
    ({"nbf": str(NOW + 60)}, [("nbf", False), ("nbf", True)]),
    ({"nbf": str(NOW)}, [("nbf", False), ("nbf", False)]),
    ({"iat": NOW * 1000, "exp": NOW * 1000 + 9}, [("iat", False), ("exp", False)]),
    ({"iat": None, "jti": None}, [("jti", True), ("iat", False)]),
    ({"iat": None, "exp": NOW - 5}, [("iat", False), ("exp", True)]),
    ({"iat": "now", "exp": NOW - 5}, [("iat", True), ("exp", True)]),
]


def said(change: dict[str, object]) -> dict[str, object]:
    claims = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    return {name: None if value == "null" else value for name, value in claims.items()}


# The cases above, whether the rule is kept, and whether the reason is that no source says more.
ONE_RULE = [
    *((*case, False, False) for case in BROKEN),
    *((*case, None, True) for case in NOT_DOCUMENTED),
    *((*case, None, False) for case in SEEN),
]


@pytest.mark.parametrize(("change", "claim", "words", "kept", "is_open"), ONE_RULE)
def test_a_token_that_does_not_clearly_keep_one_rule_gets_that_rule_reported(
    change: dict[str, object], claim: str, words: str, kept: bool | None, is_open: bool
) -> None:
    found = [rule for rule in violations(said(change), now=NOW + 0.9) if rule.name != "extra"]
    assert [(rule.name, rule.kept) for rule in found] == [(claim, kept)]
    assert words in found[0].reason
    assert found[0].reason.endswith("is not documented") == is_open
    assert kept is None or "not documented" not in found[0].reason
    assert "S3cret" not in found[0].reason


@pytest.mark.parametrize("change", KEPT)
def test_a_token_at_the_edge_of_the_rules_breaks_none(change: dict[str, object]) -> None:
    assert list(violations(said(change), now=NOW + 0.9)) == []


@pytest.mark.parametrize(("change", "expected"), SEVERAL)
def test_a_known_fault_beside_an_unknown_one_is_reported_too(
    change: dict[str, object], expected: list[tuple[str, bool]]
) -> None:
    found = violations(said(change), now=NOW + 0.9)
    assert [(rule.name, rule.kept is False) for rule in found] == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*GOOD, "nbf", "acl", "sub", "iss"]), JSON))
def test_whatever_a_token_says_it_is_judged_and_not_a_crash(claims: dict[str, object]) -> None:
    for rule in violations(claims, now=NOW):
        assert rule.reason


# A claim, and the moment that it says.
MOMENTS = [
    *((NOW, NOW), (str(NOW), NOW), (NOW + 0.9, NOW), (0, 0), ("0", 0), ("00900", 900)),
    *((2**53 - 1, 2**53 - 1), ("9" * 15, 10**15 - 1)),
    *((2**53, None), (float(2**53), None), ("9" * 16, None), (float("inf"), None)),
    *((float("nan"), None), (-1, None), ("-1", None), ("+1", None), ("1.5", None)),
    *(("1_000", None), ("²", None), ("", None), (True, None), (None, None), ([NOW], None)),
]


@pytest.mark.parametrize(("value", "moment"), MOMENTS)
def test_a_time_is_read_also_as_a_string_or_a_fraction(value: object, moment: int | None) -> None:
    assert read_time(value) == moment


SPANS = [
    *((0, "0 s"), (0.4, "0 s"), (0.6, "1 s"), (119, "119 s"), (119.4, "119 s"), (119.6, "2 min")),
    *((149, "2 min"), (151, "3 min"), (869, "14 min"), (871, "15 min"), (7169, "119 min")),
    *((7171, "2 hours"), (9001, "3 hours"), (171_000 - 1, "47 hours"), (171_000 + 1, "2 days")),
    *((215_999, "2 days"), (216_001, "3 days"), (1000 * 86_400, "1000 days")),
]


@pytest.mark.parametrize(("seconds", "words"), SPANS)
def test_a_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert span(seconds) == words


# acl path, method, requested path, and whether it opens.
ACL = [
    ("/*/calls/**", "GET", "/v1/calls", True),
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
def test_an_acl_opens_what_it_names(pattern: str, method: str, path: str, opens: bool) -> None:
    assert acl_opens({"paths": {pattern: {"filters": {}}}}, method, path) == opens


def test_an_acl_opens_the_methods_that_it_names_and_without_any_all() -> None:
    acl = {"paths": {"/a": {"methods": ["GET", "POST"]}, "/b": {}, "/c": {"methods": []}}}
    asked = [(method, path) for path in ("/a", "/b", "/c") for method in ("GET", "PUT")]
    opened = [(method, path) for method, path in asked if acl_opens(acl, method, path)]
    assert opened == [("GET", "/a"), ("GET", "/b"), ("PUT", "/b")]
