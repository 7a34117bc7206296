"""The sandbox's answers: a list of calls, an echo, and the refusals of each product."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..vonage import dialects
from ..vonage.products import Product

# The answer to GET /v1/calls, from the article "Understanding JWTs".
_CALLS = {
    "count": 1,
    "page_size": 10,
    "record_index": 0,
    "_links": {"self": {"href": "/v1/calls?page_size=10&record_index=0"}},
    "_embedded": {
        "calls": [
            {
                "uuid": "63f61863-4a51-4f6b-86e1-46edebcf9356",
                "conversation_uuid": "CON-f972836a-550f-45fa-956c-12a2ab5b7d22",
                "status": "completed",
                "direction": "outbound",
                "to": {"type": "phone", "number": "447700900000"},
                "from": {"type": "phone", "number": "447700900001"},
                "rate": "0.01000000",
                "price": "0.01000000",
                "duration": "60",
                "start_time": "2018-11-01T09:00:00.000Z",
                "end_time": "2018-11-01T09:01:00.000Z",
                "network": "23410",
                "_links": {"self": {"href": "/v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356"}},
            }
        ]
    },
}


class PreparedAnswer(NamedTuple):
    """An answer to send. A header whose value is None is left out."""

    status: int
    headers: Mapping[str, str | None]
    body: bytes


def as_json(status: int, content: object) -> PreparedAnswer:
    """Return an answer with ``content`` as JSON."""
    body = json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"
    return PreparedAnswer(status, {"Content-Type": "application/json"}, body)


def accepted(method: str, path: str, claims: Mapping[str, Any] | None) -> PreparedAnswer:
    """Return the answer to an accepted request: the list of calls, or an echo."""
    if method == "GET" and path.partition("?")[0] == "/v1/calls":
        return as_json(200, _CALLS)
    return as_json(200, {"method": method, "path": path, "claims": claims})


def application(application_id: str, public_key: str, requested: str) -> PreparedAnswer:
    """Return the answer to ``GET /v2/applications/{requested}``: there is only one application."""
    if requested != application_id:
        return as_json(404, {"title": "Not Found", "detail": "There is no such application."})
    keys = {"public_key": public_key}
    return as_json(200, {"id": application_id, "name": "Sandbox", "keys": keys})


def refused(code: str, product: Product | None, trace_id: str) -> PreparedAnswer:
    """Return the refusal that ``product`` gives for ``code``, one of ``dialects``."""
    dialect = product.dialect if product else "gateway"
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
_TRY = "Please provide a valid token."

# By dialect and code; "" stands for all other codes.
_REFUSALS: dict[tuple[str, str], Mapping[str, object]] = {
    ("gateway", ""): _GATEWAY,
    ("account", ""): {**_GATEWAY, "title": "Invalid credentials supplied"},
    ("verify", ""): _GATEWAY,
    ("verify", dialects.EXPIRED): _VERIFY_EXPIRED,
    ("voice", ""): {"type": "UNAUTHORIZED", "error_title": "Unauthorized"},
    ("messages", ""): {"title": "Unauthorised", "detail": "Invalid Token"},
    ("messages", dialects.MISSING): {
        "title": "Unauthorised",
        "detail": "Request header 'Authorization' missing",
    },
    ("conversation", ""): _conversation(
        "system:error:invalid-token", f"You did not provide a valid token. {_TRY}"
    ),
    ("conversation", dialects.MISSING): _conversation(
        "system:error:missing-token", f"You did not provide a token. {_TRY}"
    ),
    ("conversation", dialects.EXPIRED): _conversation(
        "system:error:expired-token", f"You provided an expired token. {_TRY}"
    ),
    ("conversation", dialects.ACL): _conversation(
        "system:error:permission", f"You did not provide a correct token. {_TRY}"
    ),
    ("conversation", dialects.SUB): _conversation(
        "user:error:invalid-user-token", "Token does not contain a user name."
    ),
    ("video", ""): {"code": 403, "message": "You passed in an invalid Vonage JWT token."},
    ("media", ""): {"status": 401},
    ("audit", ""): {"status": 401, "error": "Unauthorized", "message": _AUDIT},
    ("rest", ""): {"error-code": "401", "error-code-label": "authentication failed"},
}
