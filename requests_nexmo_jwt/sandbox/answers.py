"""What an answer is, and the refusals of each product in its own words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..vonage import DOMAINS, dialects
from ..vonage.products import Product


class PreparedAnswer(NamedTuple):
    """An answer to send. A header whose value is None is left out."""

    status: int
    headers: Mapping[str, str | None]
    body: bytes


def as_json(status: int, content: object) -> PreparedAnswer:
    """Return an answer with ``content`` as JSON."""
    body = json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"
    return PreparedAnswer(status, {"Content-Type": "application/json"}, body)


def prepared(
    status: int, body: object, headers: Mapping[str, str | None] | None, url: str
) -> PreparedAnswer:
    """Return the answer that a test describes; raise ``TypeError`` or ``ValueError`` if it cannot.

    ``body`` is str, bytes, or an object to send as JSON. ``url`` is the sandbox's: a ``Location``
    at Vonage becomes one there, since a redirect can carry the body along.
    """
    if not 200 <= status <= 599:
        raise ValueError(f"status has to be 200 to 599, not {status}")
    here = dict(headers or {})
    for name, value in here.items():
        if not re.fullmatch(r"[\x20-\x7e\xa0-\xff]*", f"{name}{value or ''}"):
            raise ValueError(f"header {name!r} or its value has a character that no header has")
        if value and name.lower() == "location":
            here[name] = _moved(value, url)
    if isinstance(body, (str, bytes)):
        return PreparedAnswer(status, here, body.encode() if isinstance(body, str) else body)
    answer = as_json(status, body)
    return answer._replace(headers={**answer.headers, **here})


def _moved(location: str, url: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:  # not a URL
        return location
    is_vonages = f".{(parts.hostname or '').rstrip('.')}".endswith(DOMAINS)
    return url + parts._replace(scheme="", netloc="").geturl() if is_vonages else location


def echo(method: str, path: str, claims: Mapping[str, Any] | None) -> PreparedAnswer:
    """Return an answer for what Nexmo does not document: what was understood of the request."""
    return as_json(200, {"method": method, "path": path, "claims": claims})


def refused(code: str, product: Product | None, trace_id: str) -> PreparedAnswer:
    """Return the refusal that ``product`` gives for ``code``, one of ``dialects``."""
    dialect = product.dialect if product else "gateway"
    if (dialect, code) == ("voice", dialects.ACL):
        return PreparedAnswer(403, {}, b"")  # its body is not documented
    fields = _REFUSALS.get((dialect, code)) or _REFUSALS[dialect, ""]
    if dialect in ("messages", "conversation", "verify", "account", "gateway"):
        fields = {**fields, "instance": trace_id}
    answer = as_json(product.refusal_status if product else 401, fields)
    if dialect == "verify":
        return answer._replace(headers={"Content-Type": "application/problem+json"})
    return answer


def _conversation(name: str, detail: str) -> dict[str, object]:
    kind = f"https://developer.nexmo.com/api/conversation#{name}"
    return {"title": "Unauthorized.", "type": kind, "code": name, "detail": detail}


_NO_CREDENTIALS = "You did not provide correct credentials."
_GATEWAY = {
    "type": "https://developer.nexmo.com/api-errors#unauthorized",
    "title": "Unauthorized",
    "detail": _NO_CREDENTIALS,
}
_VERIFY_EXPIRED = {
    "type": "https://developer.vonage.com/en/api-errors#jwt-expired",
    "title": _NO_CREDENTIALS,
    "detail": "The JWT provided has expired.",
}
_AUDIT = 'Full authentication is required. JWT was not found in "Authorization" HTTP header.'
_NO_HEADER = "Request header 'Authorization' missing"
_TRY = "Please provide a valid token."
_CONVERSATION = {
    "": ("system:error:invalid-token", f"You did not provide a valid token. {_TRY}"),
    dialects.MISSING: ("system:error:missing-token", f"You did not provide a token. {_TRY}"),
    dialects.EXPIRED: ("system:error:expired-token", f"You provided an expired token. {_TRY}"),
    dialects.ACL: ("system:error:permission", f"You did not provide a correct token. {_TRY}"),
    dialects.SUB: ("user:error:invalid-user-token", "Token does not contain a user name."),
}

# By dialect and code; "" stands for all other codes.
_REFUSALS: dict[tuple[str, str], Mapping[str, object]] = {
    ("gateway", ""): _GATEWAY,
    ("account", ""): {**_GATEWAY, "title": "Invalid credentials supplied"},
    ("verify", ""): _GATEWAY,
    ("verify", dialects.EXPIRED): _VERIFY_EXPIRED,
    ("voice", ""): {"type": "UNAUTHORIZED", "error_title": "Unauthorized"},
    ("messages", ""): {"title": "Unauthorised", "detail": "Invalid Token"},
    ("messages", dialects.MISSING): {"title": "Unauthorised", "detail": _NO_HEADER},
    **{("conversation", code): _conversation(*words) for code, words in _CONVERSATION.items()},
    ("video", ""): {"code": 403, "message": "You passed in an invalid Vonage JWT token."},
    ("media", ""): {"status": 401},
    ("audit", ""): {"status": 401, "error": "Unauthorized", "message": _AUDIT},
    ("rest", ""): {"error-code": "401", "error-code-label": "authentication failed"},
}
