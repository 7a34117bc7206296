"""What a token says, and which of the documented rules it keeps: no key needed."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ..errors import TokenError
from ..redaction import quoted
from .rules import acl_opens, longest_life, read_time, span, violations

#: Tokens that servers take in a header are far smaller.
MAX_TEXT_BYTES = 1 << 20

_BEARER = re.compile(r"\bBearer\s+([^\s'\"]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*")
_NOT_OF_A_TOKEN = re.compile(r"[^\w.-]+")

_TWO_READINGS = "parsers disagree on which one counts"

# The rules in the order in which they are shown, each as it reads where it is kept.
_RULES = {
    "alg": "RS256",
    "typ": "JWT",
    "application_id": "present",
    "iat": "an integer, not in the future",
    "exp": "not in the past",
    "nbf": "in the past, or absent",
    "jti": "present",
    "sub": "a string, or absent",
    "acl": "of the documented form, or absent",
}


@dataclass(frozen=True)
class Rule:
    """A documented rule, and in a few words how the token keeps or breaks it.

    ``kept`` is None where no source says whether Nexmo accepts such a token. ``code`` is the
    violation's, None where the rule is kept.
    """

    name: str
    kept: bool | None
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
        found = list(self._violations(now))
        rules = [rule for rule in found if rule.name not in _RULES]
        for name, kept in _RULES.items():
            rules += [rule for rule in found if rule.name == name] or [
                Rule(name, True, self._note(name) or kept)
            ]
        return rules

    def broken(self, *, now: float) -> list[Rule]:
        """Return the rules that the token breaks at ``now`` (Unix seconds)."""
        return [rule for rule in self._violations(now) if rule.kept is False]

    def broken_by_date(self, date: float) -> list[Rule]:
        """Return the rules that it breaks at a server's ``date``, which has dropped its fraction.

        What is broken during a part of that second alone is left out.
        """
        later = self.broken(now=date + 1)
        return [
            rule for rule in self.broken(now=date) if rule.name in {late.name for late in later}
        ]

    def opens(self, method: str, path: str) -> bool | None:
        """Tell whether the token opens ``path``: without an ``acl`` it does.

        None where the ``acl`` cannot be read.
        """
        if "acl" not in self.claims:
            return True
        if any(rule.name == "acl" for rule in self.broken(now=0)) or "acl" in self.repeated:
            return None
        return acl_opens(self.claims["acl"], method, path.partition("?")[0])

    def _violations(self, now: float) -> Iterator[Rule]:
        for name in self.repeated:
            reason = f"{quoted(name)} appears more than once: {_TWO_READINGS}"
            yield Rule(name, False, reason, "repeated")
        if self.header.get("alg") != "RS256":
            reason = f"alg is {self.header.get('alg')!r:.40}; Nexmo requires 'RS256'"
            yield Rule("alg", False, reason, "malformed")
        if self.header.get("typ") != "JWT":
            reason = f"typ is {self.header.get('typ')!r:.40}; only 'JWT' is documented"
            yield Rule("typ", None, reason, "malformed")
        for found in violations(self.claims, now=now):
            kept = False if found.is_documented else None
            yield Rule(found.claim, kept, found.reason, found.code)

    def is_signed_by(self, key: RSAPublicKey) -> bool:
        """Verify the RS256 signature with the public key of an application."""
        try:
            jwt.PyJWS().decode(self.token, key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            return False
        return True

    def _note(self, name: str) -> str | None:
        if name != "exp":
            return None
        iat, exp = read_time(self.claims.get("iat")), read_time(self.claims.get("exp"))
        longest = span(longest_life(self.claims))
        if iat is None:
            return "absent" if exp is None else "not in the past"
        if exp is None:
            return "absent: 15 min after iat"
        if exp - iat > longest_life(self.claims):
            return f"more than {longest} after iat, of which {longest} count"
        return f"not in the past, 30 s to {longest} after iat"


def find_token(text: str) -> str:
    """Return the token in ``text``: alone, in an ``Authorization`` header or a curl command line.

    Raises ``TokenError`` where there is none.
    """
    alone = text.strip()
    if not alone:
        raise TokenError(
            "The token is empty. Give a token, or a header that has one, as argument or on stdin."
        )
    if not re.search(r"\s", alone):
        return alone
    bearers = _BEARER.findall(text)
    whole = [word for word in bearers if _TOKEN.fullmatch(word)]
    words = _NOT_OF_A_TOKEN.split(text)
    tokens = [word for word in words if word.startswith("eyJ") and _TOKEN.fullmatch(word)]
    for found in (whole, tokens, bearers):
        if found:
            return str(found[0])
    raise TokenError(
        "There is no token in this text. Give one, or a header 'Authorization: Bearer ...'."
    )


def inspect(token: str) -> Inspection:
    """Take ``token`` apart.

    Raises ``TokenError`` where it is not a JSON Web Token; the message does not show it.
    """
    try:
        parts = jwt.PyJWS().decode_complete(token, options={"verify_signature": False})
        header_text = jwt.utils.base64url_decode(token.partition(".")[0])
        header, repeated_header = _object(header_text)
        claims, repeated_claims = _object(parts["payload"])
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        is_jwt_s = isinstance(error, jwt.InvalidTokenError)
        problem = str(error).partition(":")[0] if is_jwt_s else "its JSON is broken"
    else:
        return Inspection(token, header, claims, (*repeated_header, *repeated_claims))
    raise TokenError(
        f"This is not a JSON Web Token ({problem:.80}). A token has three parts, xxx.yyy.zzz. "
        "Check that it was copied completely, and nothing else."
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.20} is beyond all numbers")
    return number


def _object(text: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return a JSON object, and the names that it has more than once."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        times = Counter(name for name, _ in pairs)
        repeated.extend(sorted(name for name in times if times[name] > 1))
        return dict(pairs)

    found = json.loads(
        text, object_pairs_hook=collect, parse_constant=_no_constant, parse_float=_finite
    )
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found, repeated
