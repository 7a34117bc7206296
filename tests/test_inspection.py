"""A token taken apart: which rules it breaks, each with a code."""

import itertools
import time

import pytest
from conftest import Keys, forge

from requests_nexmo_jwt.errors import TokenError
from requests_nexmo_jwt.inspection import inspect

NOW = int(time.time())

# What a token says, and the rules that it breaks, as names and codes.
BROKEN = [
    ({}, []),
    ({"application_id": None}, [("application_id", "missing")]),
    ({"jti": 5}, [("jti", "missing")]),
    ({"iat": str(NOW)}, [("iat", "malformed")]),
    ({"iat": NOW + 60}, [("iat", "future")]),
    ({"iat": NOW - 500, "exp": NOW - 100}, [("exp", "expired")]),
    ({"iat": NOW - 901, "exp": None}, [("exp", "expired")]),
    ({"exp": NOW + 20}, [("exp", "lifetime")]),
    ({"exp": "soon"}, [("exp", "malformed")]),
    ({"iat": NOW - 60, "exp": str(NOW - 10)}, [("exp", "malformed"), ("exp", "expired")]),
    ({"nbf": NOW + 60}, [("nbf", "future")]),
    ({"nbf": "now"}, [("nbf", "malformed")]),
    ({"sub": ""}, [("sub", "malformed")]),
    ({"acl": []}, [("acl", "malformed")]),
]


@pytest.mark.parametrize(("change", "broken"), BROKEN, ids=itertools.count())
def test_each_rule_that_a_token_breaks_has_a_code(
    change: dict[str, object], broken: list[tuple[str, str]], keys: Keys
) -> None:
    token = inspect(forge(keys, **{"iat": NOW, "exp": NOW + 900, **change}))
    assert [(rule.name, rule.code) for rule in token.broken(now=NOW)] == broken
    kept = [rule for rule in token.rules(now=NOW) if rule.kept]
    assert {rule.code for rule in kept} == {None}
    assert len(kept) == 9 - len({name for name, _ in broken})


def test_a_signature_is_verified_with_the_public_key_alone(keys: Keys) -> None:
    token = inspect(forge(keys))
    assert token.is_signed_by(keys.public)
    assert not token.is_signed_by(Keys().public)


@pytest.mark.parametrize("text", ["", "hello", "a.b.c", "..", "é.ü.ß"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError, match="no JSON Web Token"):
        inspect(text)
