"""What an account has at Nexmo: calls, users, conversations, an application.

Paths, statuses and fields are those of Vonage's specifications (Voice 1.3.7, Application 2.1.0,
Conversation 5.5.1, Messages, Verify v2, Users) and of the fixtures of its SDKs; the data is made
up. Bodies are not validated: how the products refuse a bad one is not documented.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from ..vonage.dialects import json_object
from .answers import PreparedAnswer, as_json
from .judge import Call

_CALL_PATHS = re.compile(r"/v1/calls(/[^/]+(/(stream|talk|dtmf))?)?")

# Users and Conversation link to the host of a region.
_REGION = "https://api-us-3.vonage.com"

_FIRST_CALL = {
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


def unrouted(call: Call) -> int | None:
    """Return the status with which the gateway refuses a path or method before authentication.

    Return None if it passes the request on, or if that is not documented.
    """
    path = call.path.partition("?")[0]
    is_voice = path == "/v1/calls" or path.startswith("/v1/calls/")
    if call.product is None or (is_voice and not _CALL_PATHS.fullmatch(path)):
        return 404
    if is_voice and call.method not in ("GET", "POST", "PUT", "DELETE"):
        return 403
    return 403 if path.endswith("/messages") and call.method in ("GET", "PUT") else None


class Made(NamedTuple):
    """A resource: when it was made, and what the API says of it."""

    at: datetime
    fields: dict[str, Any]


class Resources:
    """The resources of one account, which last as long as its sandbox."""

    def __init__(self) -> None:
        first = Made(datetime(2018, 11, 1, 9, tzinfo=timezone.utc), dict(_FIRST_CALL))
        self._calls = [first]
        self._others: dict[str, list[Made]] = {"users": [], "conversations": []}

    def answer(self, call: Call, application: Mapping[str, Any]) -> PreparedAnswer | None:
        """Return the answer to an accepted request, or None if none is documented."""
        path, _, text = call.path.partition("?")
        query, sent = dict(parse_qsl(text)), json_object(call.body or b"") or {}
        match call.method, path.split("/")[1:]:
            case method, ["v1", "calls", *further]:
                return self._voice(method, further, query, sent)
            case "POST", ["v1" | "v0.1", "messages"]:
                return as_json(202, {"message_uuid": str(uuid.uuid4())})
            case "POST", ["v2", "verify"]:
                return as_json(202, {"request_id": str(uuid.uuid4())})
            case "GET", ["v1", "users" | "conversations" as kind]:
                return self._list(kind, query)
            case "POST", ["v1", "users" | "conversations" as kind]:
                return self._create(kind, sent)
            case "GET", ["v2", "applications"]:
                return _list_of_applications(application)
            case "GET", ["v2", "applications", requested]:
                is_own = requested == application["id"]
                return as_json(200, application) if is_own else as_json(404, _NO_APPLICATION)
        return None

    def _voice(
        self, method: str, path: list[str], query: Mapping[str, str], sent: dict[str, Any]
    ) -> PreparedAnswer:
        made = next((m for m in self._calls if path and m.fields["uuid"] == path[0]), None)
        match method, path[1:]:
            case "GET", [] if not path:
                return self._list_calls(query)
            case "POST", [] if not path:
                return self._create_call(sent)
            case ("GET", []) | ("PUT", _) | ("DELETE", [_]) if path and made is None:
                return PreparedAnswer(404, {}, b"")  # its body is not documented
            case "GET", [] if made:
                return as_json(200, made.fields)
            case "PUT", [] if made:
                if sent.get("action") == "hangup":
                    made.fields["status"] = "completed"
                return PreparedAnswer(204, {}, b"")
            case "PUT" | "DELETE", ["stream" | "talk" as what] if made:
                done = "started" if method == "PUT" else "stopped"
                message = f"{what.capitalize()} {done}"
                return as_json(200, {"message": message, "uuid": path[0]})
            case "PUT", ["dtmf"] if made:
                return as_json(200, {"message": "DTMF sent", "uuid": path[0]})
        return as_json(405, {"type": "METHOD_NOT_ALLOWED", "error_title": "Method Not Allowed"})

    def _list_calls(self, query: Mapping[str, str]) -> PreparedAnswer:
        calls = [made.fields for made in reversed(self._calls) if _is_wanted(made, query)]
        if query.get("order") == "asc":
            calls.reverse()
        size, start = _number(query, "page_size", 10), _number(query, "record_index", 0)
        size = min(max(size, 1), 100)
        pages = {"self": start, "first": 0, "last": max(len(calls) - 1, 0) // size * size}
        if start + size < len(calls):
            pages["next"] = start + size
        if start:
            pages["prev"] = max(start - size, 0)
        links = {
            name: "/v1/calls?" + urlencode({**query, "page_size": size, "record_index": index})
            for name, index in pages.items()
        }
        return as_json(
            200,
            {
                "count": len(calls),
                "page_size": size,
                "record_index": start,
                "_links": _links(**links),
                "_embedded": {"calls": calls[start : start + size]},
            },
        )

    def _create_call(self, sent: Mapping[str, Any]) -> PreparedAnswer:
        call_id, to = str(uuid.uuid4()), sent.get("to")
        created = {
            "uuid": call_id,
            "status": "started",
            "direction": "outbound",
            "conversation_uuid": f"CON-{uuid.uuid4()}",
        }
        ends = {
            "to": to[0] if isinstance(to, list) and to else _FIRST_CALL["to"],
            "from": sent.get("from") or _FIRST_CALL["from"],
            "_links": _links(self=f"/v1/calls/{call_id}"),
        }
        self._calls.append(Made(datetime.now(timezone.utc), {**created, **ends}))
        return as_json(201, created)

    def _list(self, kind: str, query: Mapping[str, str]) -> PreparedAnswer:
        """Return a page of users or conversations; here, a ``cursor`` is a number."""
        found = [made.fields for made in reversed(self._others[kind])]
        if query.get("order") == "asc":
            found.reverse()
        size, start = _number(query, "page_size", 10), _number(query, "cursor", 0)
        size = min(max(size, 1), 100)
        url = f"{_REGION}/v1/{kind}?page_size={size}"
        links = {"first": url, "self": f"{url}&cursor={start}"}
        if start + size < len(found):
            links["next"] = f"{url}&cursor={start + size}"
        page = {kind: found[start : start + size]}
        return as_json(200, {"page_size": size, "_embedded": page, "_links": _links(**links)})

    def _create(self, kind: str, sent: dict[str, Any]) -> PreparedAnswer:
        now, id_ = datetime.now(timezone.utc), uuid.uuid4()
        made = {"name": f"NAM-{id_}", "properties": {}, **sent}
        if kind == "users":
            made["id"] = f"USR-{id_}"
        else:
            created = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            made |= {"id": f"CON-{id_}", "state": "ACTIVE", "sequence_number": 1}
            made["timestamp"] = {"created": created}
        made["_links"] = _links(self=f"{_REGION}/v1/{kind}/{made['id']}")
        self._others[kind].append(Made(now, made))
        return as_json(201, made)


_NO_APPLICATION = {"title": "Not Found", "detail": "There is no such application."}


def _list_of_applications(application: Mapping[str, Any]) -> PreparedAnswer:
    url = "/v2/applications?page_size=10"
    return as_json(
        200,
        {
            "page_size": 10,
            "page": 1,
            "total_items": 1,
            "total_pages": 1,
            "_embedded": {"applications": [application]},
            "_links": _links(self=f"{url}&page=1", first=url, last=f"{url}&page=1"),
        },
    )


def _is_wanted(made: Made, query: Mapping[str, str]) -> bool:
    """Return whether a call passes the filters of Voice. A date has to be ISO 8601."""
    is_alike = all(
        query.get(name, made.fields[name]) == made.fields[name]
        for name in ("status", "conversation_uuid")
    )
    start, end = _date(query.get("date_start")), _date(query.get("date_end"))
    return is_alike and (not start or made.at >= start) and (not end or made.at <= end)


def _date(text: str | None) -> datetime | None:
    try:
        date = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else default


def _links(**urls: str) -> dict[str, dict[str, str]]:
    return {name: {"href": url} for name, url in urls.items()}
