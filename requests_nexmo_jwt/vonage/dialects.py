"""What an answer of Vonage says: one reader for the dialects of all products.

``docs/vonage.md`` shows the answers that this was written from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..redaction import escaped, may_hold_key_text

#: What an answer says of the request, as codes. ``UNKNOWN``: it does not say, or not clearly.
EXPIRED = "expired"
MISSING = "missing"
INVALID = "invalid"
ACL = "acl"
SUB = "sub"
REVOKED = "revoked"
SUSPENDED = "suspended"
NO_MONEY = "no-money"
WRONG_AUTHENTICATION = "wrong-authentication"
UNKNOWN = "unknown"

# The value of ``code``, or the part of ``type`` after the "#".
_CODES = {
    "system:error:expired-token": EXPIRED,
    "system:error:missing-token": MISSING,
    "system:error:invalid-token": INVALID,
    "system:error:permission": ACL,
    "user:error:invalid-user-token": SUB,
    "jwt-expired": EXPIRED,
    "jwt-revoked": REVOKED,
    "account-suspended": SUSPENDED,
    "application-suspended": SUSPENDED,
    "low-balance": NO_MONEY,
    "quota-exceeded": NO_MONEY,
    "invalid-api-key": WRONG_AUTHENTICATION,
    "multiple-auth-methods": WRONG_AUTHENTICATION,
}

# Words for the products whose answers have no code. Those that name two causes come first.
_WORDS = (
    (r"missing / invalid token|expired JWT, invalid application", UNKNOWN),
    (r"'Authorization' missing|JWT was not found", MISSING),
    (r"invalid token|invalid (Vonage )?JWT token|invalid (signature|issuer)", INVALID),
    (r"issuer not found|issued time cannot be greater", INVALID),
    (r"^wrong authentication", WRONG_AUTHENTICATION),
    (r"insufficient balance", NO_MONEY),
)

_TITLES = ("title", "error_title", "error", "error-code-label")
_DETAILS = ("detail", "message", "description")

# Names of problems in what is not, or not wholly, JSON.
_NAMES = re.compile(r'(?:#|"code": ?")([a-z:-]+)')
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?")

_MAX_READ = 4096
_MAX_TEXT = 300
_MAX_TRACE_ID = 100


class Reading(NamedTuple):
    """What an answer says.

    ``code`` is one of the codes above. ``text`` is the server's own words on one line of at most
    300 characters, empty where there are none. ``trace_id`` is what Vonage's support asks for.
    """

    code: str
    text: str
    trace_id: str | None


def read(body: bytes, headers: Mapping[str, str]) -> Reading:
    """Read the beginning of an answer's ``body``, and its ``headers``, whose names have no case."""
    fields = _fields(body)
    if fields is None:
        text = "" if b"<" in body[:100] else body.decode("utf-8", "replace")
        names = _NAMES.findall(text[:_MAX_READ])
        code = next((_CODES[name] for name in names if name in _CODES), None)
        return Reading(code or _code_of_words(text), line(text), _trace_id({}, headers))
    title, detail = _first(fields, _TITLES), _first(fields, _DETAILS)
    text = title or detail
    if title and detail and title != detail:
        text = f"{title.rstrip('.')}: {detail}"
    kind = str(fields.get("type", "")).rpartition("#")[2]
    code = next((_CODES[name] for name in (str(fields.get("code")), kind) if name in _CODES), None)
    return Reading(code or _code_of_words(text), line(text), _trace_id(fields, headers))


def _fields(body: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if isinstance(fields.get(name), str)), "").strip()


def _code_of_words(text: str) -> str:
    for words, code in _WORDS:
        if re.search(words, text[:_MAX_READ], re.IGNORECASE):
            return code
    return UNKNOWN


def line(text: str) -> str:
    """Return what a server sent as one short line, without a token that it may have sent back."""
    words = " ".join(text[:_MAX_READ].split())
    short = escaped(_TOKEN.sub("<token>", words))[:_MAX_TEXT]
    return "" if may_hold_key_text(short) else short


def _trace_id(fields: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    named = headers.get("x-nexmo-trace-id") or _first(fields, ("instance", "instance_id"))
    return line(named)[:_MAX_TRACE_ID] or None
