"""Read an answer of Vonage, whose products word their refusals in different ways.

``docs/vonage.md`` shows these answers and their sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..redaction import escaped, may_hold_key_text

#: Why a request was refused, as codes. ``UNKNOWN``: the answer gives no clear reason.
EXPIRED = "expired"
MISSING = "missing"
INVALID = "invalid"
ACL = "acl"
SUB = "sub"
REVOKED = "revoked"
SUSPENDED = "suspended"
NO_MONEY = "no-money"
WRONG_AUTHENTICATION = "wrong-authentication"
APPLICATION = "application"
CAPABILITY = "capability"
RIGHTS = "rights"
THROTTLED = "throttled"
UNKNOWN = "unknown"

# The value of ``code``, or the part of ``type`` after the "#".
_CODES = {
    "system:error:expired-token": EXPIRED,
    "system:error:missing-token": MISSING,
    "system:error:invalid-token": INVALID,
    "system:error:permission": ACL,
    "jwt-expired": EXPIRED,
    "jwt-revoked": REVOKED,
    "account-suspended": SUSPENDED,
    "application-suspended": SUSPENDED,
    "low-balance": NO_MONEY,
    "quota-exceeded": NO_MONEY,
    "invalid-api-key": WRONG_AUTHENTICATION,
    "multiple-auth-methods": WRONG_AUTHENTICATION,
    "forbidden": RIGHTS,
    "unprovisioned": RIGHTS,
    "throttled": THROTTLED,
}

# The same for all codes of one kind. Those of applications come first.
_KINDS = (
    (re.compile(r"application:error:|[a-z]+:error:invalid-application$"), APPLICATION),
    (re.compile(r"user:error:"), SUB),
)

# Some products send no code. Sentences that name two causes come first.
_WORDS = (
    (r"missing / invalid token|expired JWT, invalid application", UNKNOWN),
    (r"'Authorization' missing|JWT was not found", MISSING),
    (r"invalid token|invalid (Vonage )?JWT token|invalid (signature|issuer)", INVALID),
    (r"issuer not found|issued time cannot be greater", INVALID),
    (r"^wrong authentication", WRONG_AUTHENTICATION),
    (r"insufficient balance", NO_MONEY),
    (r"no network application associated", CAPABILITY),
    (r"is not enabled for your account|user not authorized to query", RIGHTS),
)

_TITLES = ("title", "error_title", "error", "error-code-label")
_DETAILS = ("detail", "message", "description", "error_description")

# Names of problems in a body that is not JSON, or was cut off.
_NAMES = re.compile(r'(?:#|"code": ?")([a-z:-]+)')
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?")

_MAX_READ = 4096
_MAX_TEXT = 300
_MAX_TRACE_ID = 100


class Reading(NamedTuple):
    """The content of an answer.

    ``code`` is one of the codes above. ``text`` is the server's message, on one line of at most 300
    characters; it may be empty. ``trace_id`` is the id that Vonage's support asks for.
    """

    code: str
    text: str
    trace_id: str | None


def read(body: bytes, headers: Mapping[str, str]) -> Reading:
    """Read ``body``, of which the end may be missing; ``headers`` are case-insensitive."""
    fields = json_object(body)
    if fields is None:
        text = "" if b"<" in body[:100] else body.decode("utf-8", "replace")
        names = _NAMES.findall(text[:_MAX_READ])
    else:
        title, detail = _first(fields, _TITLES), _first(fields, _DETAILS)
        text = title or detail
        if title and detail and title != detail:
            text = f"{title.rstrip('.')}: {detail}"
        names = [str(fields.get("code")), str(fields.get("type", "")).rpartition("#")[2]]
    code = next(filter(None, map(_code_of_name, names)), None) or _code_of_words(text)
    trace_id = headers.get("x-nexmo-trace-id") or _first(fields or {}, ("instance", "instance_id"))
    return Reading(code, line(text), line(trace_id)[:_MAX_TRACE_ID] or None)


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in ``body``, or None if it is not one."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if isinstance(fields.get(name), str)), "").strip()


def _code_of_name(name: str) -> str | None:
    kinds = (code for pattern, code in _KINDS if pattern.match(name))
    return _CODES.get(name) or next(kinds, None)


def _code_of_words(text: str) -> str:
    codes = (code for words, code in _WORDS if re.search(words, text[:_MAX_READ], re.IGNORECASE))
    return next(codes, UNKNOWN)


def line(text: str) -> str:
    """Return text from a server as one short line, without a token or key that it may repeat."""
    words = " ".join(text[:_MAX_READ].split())
    short = escaped(_TOKEN.sub("<token>", words))[:_MAX_TEXT]
    return "" if may_hold_key_text(short) else short
