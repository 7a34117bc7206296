"""What a token says, and which of Nexmo's rules it keeps: no key needed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .claims import violations
from .errors import TokenError
from .redaction import shown

#: Tokens that servers take in a header are far smaller.
MAX_TEXT_BYTES = 1 << 20

_BEARER = re.compile(r"\bBearer\s+([^\s'\"]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*")
_SOME_TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*\.[\w-]*")

_TWO_READINGS = "readers differ in which one counts"

# The rules in the order in which they are told, each as it reads where it is kept.
_RULES = {
    "alg": "RS256",
    "typ": "JWT",
    "application_id": "there",
    "iat": "an integer, not in the future",
    "exp": "not passed, 30 s to 24 h after iat",
    "nbf": "passed, or not there",
    "jti": "there",
    "sub": "a string, or not there",
    "acl": "of the right form, or not there",
}


@dataclass(frozen=True)
class Rule:
    """One of Nexmo's rules: whether the token keeps it, and in a few words how or why not.

    ``code`` is the violation's, None where the rule is kept.
    """

    name: str
    kept: bool
    reason: str
    code: str | None = None


@dataclass(frozen=True)
class Inspection:
    """A token taken apart. Nothing in it is verified: anybody could have written it."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]
    repeated: tuple[str, ...]

    def rules(self, *, now: float) -> list[Rule]:
        """Return every rule, judged at ``now`` (Unix seconds)."""
        broken = self.broken(now=now)
        rules = [rule for rule in broken if rule.name not in _RULES]
        for name, kept in _RULES.items():
            rules += [rule for rule in broken if rule.name == name] or [
                Rule(name, True, self._note(name) or kept)
            ]
        return rules

    def broken(self, *, now: float) -> list[Rule]:
        """Return the rules that the token breaks at ``now`` (Unix seconds)."""
        rules = [
            Rule(name, False, f"{shown(name)} is there more than once: {_TWO_READINGS}", "repeated")
            for name in self.repeated
        ]
        for name, expected in (("alg", "RS256"), ("typ", "JWT")):
            if self.header.get(name) != expected:
                reason = f"{name} is {self.header.get(name)!r:.40}; it must be {expected!r}"
                rules.append(Rule(name, False, reason, "malformed"))
        return rules + [
            Rule(violation.claim, False, violation.reason, violation.code)
            for violation in violations(self.claims, now=now)
        ]

    def is_signed_by(self, key: RSAPublicKey) -> bool:
        """Verify the RS256 signature with the public key of an application."""
        try:
            jwt.PyJWS().decode(self.token, key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            return False
        return True

    def _note(self, name: str) -> str | None:
        if name == "exp" and "exp" not in self.claims:
            return "not there: Nexmo takes 15 min after iat"
        return None


def find_token(text: str) -> str:
    """Return the token in ``text``: alone, in an ``Authorization`` header or a curl command line.

    Raises ``TokenError`` where there is none.
    """
    alone = text.strip()
    if not alone:
        raise TokenError("The token is empty. Give a token, a header that has one, or - for stdin.")
    if not re.search(r"\s", alone):
        return alone
    bearers = _BEARER.findall(text)
    whole = [word for word in bearers if _TOKEN.fullmatch(word)]
    for found in (whole, _SOME_TOKEN.findall(text), bearers):
        if found:
            return str(found[0])
    raise TokenError(
        "There is no token in this text. Give one, or a header 'Authorization: Bearer ...'."
    )


def inspect(token: str) -> Inspection:
    """Take ``token`` apart.

    Raises ``TokenError`` where it is no JSON Web Token; the message does not show it.
    """
    try:
        parts = jwt.PyJWS().decode_complete(token, options={"verify_signature": False})
        header_text = jwt.utils.base64url_decode(token.partition(".")[0])
        header, repeated_header = _object(header_text)
        claims, repeated_claims = _object(parts["payload"])
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, jwt.InvalidTokenError) else "its JSON is broken"
    else:
        return Inspection(token, header, claims, (*repeated_header, *repeated_claims))
    raise TokenError(
        f"This is no JSON Web Token ({problem:.80}). A token is three parts, xxx.yyy.zzz; was it "
        "cut, or copied with something else?"
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _object(text: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return a JSON object, and the names that it has more than once."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    found = json.loads(text, object_pairs_hook=collect, parse_constant=_no_constant)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found, repeated
