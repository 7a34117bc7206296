"""What the sandbox answers: the article's calls, an echo, and a problem for each refusal."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

_PROBLEMS = "https://developer.vonage.com/api-errors"

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


class Answer(NamedTuple):
    """Status, headers (None: left out) and body of an answer."""

    status: int
    headers: Mapping[str, str | None]
    body: bytes


def accepted(method: str, path: str, claims: Mapping[str, Any]) -> Answer:
    """Answer a request whose token is accepted: with the calls, or with what it said."""
    if method == "GET" and path.partition("?")[0] == "/v1/calls":
        return _json(200, _CALLS)
    return _json(200, {"method": method, "path": path, "claims": claims})


def refused(detail: str, *, is_expired: bool) -> Answer:
    """Answer a request whose token is refused: the 401 of RFC 7807, with Vonage's types."""
    problem = {
        "type": f"{_PROBLEMS}#{'jwt-expired' if is_expired else 'unauthorized'}",
        "title": "JWT expired" if is_expired else "Unauthorized",
        "detail": detail,
        "instance": uuid.uuid4().hex,
    }
    headers = {"Content-Type": "application/problem+json", "WWW-Authenticate": "Bearer"}
    return _json(401, problem, headers)


def _json(status: int, content: object, headers: Mapping[str, str | None] | None = None) -> Answer:
    body = json.dumps(content, indent=2).encode() + b"\n"
    return Answer(status, headers or {"Content-Type": "application/json"}, body)
