"""Take a token apart, without a key, and check it against the documented rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ..errors import TokenError
from .claims import MILLISECONDS
from .rules import Rule, acl_opens, longest_life, read_time, readable_acl, span, violations

#: Far more than servers accept in a header.
MAX_TEXT_BYTES = 1 << 20

_BEARER = re.compile(r"\bBearer\s+([^\s'\"]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*")
_NOT_OF_A_TOKEN = re.compile(r"[^\w.-]+")

# The rules in the order in which they are shown, each with the reason if it is kept.
_RULES = {
    "alg": "RS256",
    "typ": "JWT",
    "application_id": "a UUID",
    "iat": "an integer, not in the future",
    "exp": "",  # _reason_for_exp
    "nbf": "absent",
    "jti": "present",
    "sub": "a string, or absent",
    "acl": "of the documented form, or absent",
}


@dataclass(frozen=True)
class Inspection:
    """A token taken apart. Nothing in it is verified."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]

    def rules(self, *, now: float) -> list[Rule]:
        """Return all rules, checked at ``now`` (Unix seconds)."""
        found = list(self._violations(now))
        rules = [rule for rule in found if rule.name not in _RULES]
        for name, reason in {**_RULES, "exp": self._reason_for_exp()}.items():
            broken = [rule for rule in found if rule.name == name]
            rules += broken or [Rule(name, True, reason)]
        return rules

    def broken(self, *, now: float) -> list[Rule]:
        """Return the rules that the token breaks at ``now`` (Unix seconds)."""
        return [rule for rule in self._violations(now) if rule.kept is False]

    def broken_by_date(self, date: float) -> list[Rule]:
        """Return the rules that the token breaks during the whole second of a server's ``date``."""
        later = {rule.name for rule in self.broken(now=date + 1)}
        return [rule for rule in self.broken(now=date) if rule.name in later]

    def opens(self, method: str, path: str) -> bool | None:
        """Return whether the token permits ``path``, or None if its ``acl`` is malformed.

        A token without an ``acl`` permits every path.
        """
        if "acl" not in self.claims:
            return True
        if any(rule.name == "acl" for rule in self.broken(now=0)):
            return None
        acl: Any = readable_acl(self.claims["acl"])
        return acl_opens(acl, method, path.partition("?")[0])

    def _other_purpose(self) -> str | None:
        """Return what a token is for that no application signed for the API."""
        if "payload_hash" in self.claims or self.claims.get("iss") == "Vonage":
            return (
                "a signed webhook's, made with the signature secret for you to verify; it is not "
                "meant for the API"
            )
        if self.claims.get("ist") == "project":
            return "OpenTok's, for the header X-OPENTOK-AUTH of api.opentok.com"
        return None

    def _violations(self, now: float) -> Iterator[Rule]:
        if self.header.get("alg") != "RS256":
            purpose = self._other_purpose()
            why = f"this token is {purpose}" if purpose else "Nexmo requires 'RS256'"
            yield Rule("alg", False, f"alg is {self.header.get('alg')!r:.40}; {why}", "malformed")
        if self.header.get("typ") != "JWT":
            reason = f"typ is {self.header.get('typ')!r:.40}; only 'JWT' is documented"
            yield Rule("typ", None, reason, "malformed")
        yield from violations(self.claims, now=now)

    @property
    def is_cut_short(self) -> bool:
        """Whether the signature has less than the 256 bytes of RS256 with a key of 2048 bits."""
        return self.header.get("alg") == "RS256" and len(self.token.rpartition(".")[2]) < 342

    def is_signed_by(self, key: RSAPublicKey) -> bool:
        """Return whether the RS256 signature matches the public key."""
        try:
            jwt.PyJWS().decode(self.token, key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            return False
        return True

    def _reason_for_exp(self) -> str:
        iat, exp = read_time(self.claims.get("iat")), read_time(self.claims.get("exp"))
        longest = span(longest_life(self.claims))
        if iat is None or iat >= MILLISECONDS:
            return "absent" if exp is None else "not in the past"
        if exp is None:
            return "absent: 15 min after iat"
        if exp - iat > longest_life(self.claims):
            return f"more than {longest} after iat, of which {longest} count"
        return f"not in the past, 30 s to {longest} after iat"


def find_token(text: str) -> str:
    """Return the token in ``text``: a token, an ``Authorization`` header or a curl command line.

    Raises ``TokenError`` if there is none.
    """
    alone = text.strip()
    if not alone:
        remedy = "Give a token, or a header that has one, as argument or on stdin."
        raise TokenError("The token", "is empty", remedy)
    if not re.search(r"\s", alone):
        return alone
    bearers = _BEARER.findall(text)
    whole = [word for word in bearers if _TOKEN.fullmatch(word)]
    words = _NOT_OF_A_TOKEN.split(text)
    tokens = [word for word in words if word.startswith("eyJ") and _TOKEN.fullmatch(word)]
    for found in (*whole, *tokens, *bearers):
        return str(found)
    remedy = "Give a token, or a header 'Authorization: Bearer ...'."
    raise TokenError("This text", "has no token in it", remedy)


def inspect(token: str) -> Inspection:
    """Take ``token`` apart.

    Raises ``TokenError`` if it is not a JSON Web Token. The message does not contain it.
    """
    try:
        parts = jwt.PyJWS().decode_complete(token, options={"verify_signature": False})
        claims = json.loads(parts["payload"], parse_constant=int)  # which refuses a NaN
    except jwt.InvalidTokenError as error:
        problem = str(error).partition(":")[0]
    except (ValueError, RecursionError):
        problem = "its JSON is broken"
    else:
        if isinstance(claims, dict):
            return Inspection(token, parts["header"], claims)
        problem = "its claims are not a JSON object"
    remedy = "A token has three parts, xxx.yyy.zzz. "
    remedy += "Check that it was copied completely, and nothing else."
    raise TokenError("This", f"is not a JSON Web Token ({problem:.80})", remedy)
