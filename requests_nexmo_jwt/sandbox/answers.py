"""What the sandbox answers: the article's calls, an echo, and each product's own refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..vonage import dialects
from ..vonage.products import Product

# The names of problems come in several spellings.
_NEXMO_PROBLEMS = "https://developer.nexmo.com/api-errors"
_VONAGE_PROBLEMS = "https://developer.vonage.com/en/api-errors"
_NO_CREDENTIALS = "You did not provide correct credentials."

# The call of the article's answer: GET /v1/calls, in HAL.
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
    """Status, headers (None: left out) and body of an answer."""

    status: int
    headers: Mapping[str, str | None]
    body: bytes


def as_json(status: int, content: object) -> PreparedAnswer:
    """Return an answer with ``content`` as JSON."""
    body = json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"
    return PreparedAnswer(status, {"Content-Type": "application/json"}, body)


def accepted(method: str, path: str, claims: Mapping[str, Any] | None) -> PreparedAnswer:
    """PreparedAnswer a request whose token is accepted: with the calls, or with what it said."""
    if method == "GET" and path.partition("?")[0] == "/v1/calls":
        return as_json(200, _CALLS)
    return as_json(200, {"method": method, "path": path, "claims": claims})


def application(application_id: str, public_key: str, asked: str) -> PreparedAnswer:
    """PreparedAnswer ``GET /v2/applications/{asked}``, where there is the one application alone."""
    if asked != application_id:
        return as_json(404, {"title": "Not Found", "detail": "There is no such application."})
    keys = {"public_key": public_key}
    return as_json(200, {"id": application_id, "name": "Sandbox", "keys": keys})


def refused(code: str, product: Product | None, trace_id: str) -> PreparedAnswer:
    """Refuse a request in the words of its product; ``code`` is one of ``dialects``."""
    dialect = product.dialect if product else "gateway"
    words = _WORDS[dialect](code)
    if dialect in ("messages", "conversation", "verify", "account", "gateway"):
        words["instance"] = trace_id
    answer = as_json(product.refusal_status if product else 401, words)
    if dialect == "verify":
        return answer._replace(headers={"Content-Type": "application/problem+json"})
    return answer


def _gateway(code: str) -> dict[str, object]:
    kind = f"{_NEXMO_PROBLEMS}#unauthorized"
    return {"type": kind, "title": "Unauthorized", "detail": _NO_CREDENTIALS}


def _account(code: str) -> dict[str, object]:
    return {**_gateway(code), "title": "Invalid credentials supplied"}


def _voice(code: str) -> dict[str, object]:
    return {"type": "UNAUTHORIZED", "error_title": "Unauthorized"}


def _messages(code: str) -> dict[str, object]:
    is_missing = code == dialects.MISSING
    detail = "Request header 'Authorization' missing" if is_missing else "Invalid Token"
    return {"title": "Unauthorised", "detail": detail}


_CONVERSATION_CODES = {
    dialects.MISSING: ("system:error:missing-token", "You did not provide a token."),
    dialects.EXPIRED: ("system:error:expired-token", "You provided an expired token."),
    dialects.ACL: ("system:error:permission", "You did not provide a correct token."),
}


def _conversation(code: str) -> dict[str, object]:
    invalid = ("system:error:invalid-token", "You did not provide a valid token.")
    name, detail = _CONVERSATION_CODES.get(code, invalid)
    detail += " Please provide a valid token."
    if code == dialects.SUB:
        name, detail = "user:error:invalid-user-token", "Token does not contain a user name."
    kind = f"https://developer.nexmo.com/api/conversation#{name}"
    return {"title": "Unauthorized.", "type": kind, "code": name, "detail": detail}


def _verify(code: str) -> dict[str, object]:
    if code == dialects.EXPIRED:
        kind, detail = f"{_VONAGE_PROBLEMS}#jwt-expired", "The JWT provided has expired."
        return {"title": _NO_CREDENTIALS, "type": kind, "detail": detail}
    return _gateway(code)


def _video(code: str) -> dict[str, object]:
    return {"code": 403, "message": "You passed in an invalid Vonage JWT token."}


def _media(code: str) -> dict[str, object]:
    return {"status": 401}


def _audit(code: str) -> dict[str, object]:
    message = 'Full authentication is required. JWT was not found in "Authorization" HTTP header.'
    return {"status": 401, "error": "Unauthorized", "message": message}


def _rest(code: str) -> dict[str, object]:
    return {"error-code": "401", "error-code-label": "authentication failed"}


_WORDS: dict[str, Callable[[str], dict[str, object]]] = {
    "gateway": _gateway,
    "account": _account,
    "voice": _voice,
    "messages": _messages,
    "conversation": _conversation,
    "verify": _verify,
    "video": _video,
    "media": _media,
    "audit": _audit,
    "rest": _rest,
}
