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
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..vonage.dialects import json_object
from ..vonage.products import OPEN
from .answers import PreparedAnswer, as_json
from .judge import Call

_CALL_PATHS = re.compile(r"/v1/calls(/[^/]+(/(stream|talk|dtmf))?)?")

# Users and Conversation link to the host of a region.
_REGION = "https://api-us-3.vonage.com"

_NUMBERS = {
    "to": {"type": "phone", "number": "447700900000"},
    "from": {"type": "phone", "number": "447700900001"},
}
_FIRST_CALL = {
    "uuid": "63f61863-4a51-4f6b-86e1-46edebcf9356",
    "conversation_uuid": "CON-f972836a-550f-45fa-956c-12a2ab5b7d22",
    "status": "completed",
    "direction": "outbound",
    **_NUMBERS,
    "rate": "0.01000000",
    "price": "0.01000000",
    "duration": "60",
    "start_time": "2018-11-01T09:00:00.000Z",
    "end_time": "2018-11-01T09:01:00.000Z",
    "network": "23410",
    "_links": {"self": {"href": "/v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356"}},
}
_NO_APPLICATION = {"title": "Not Found", "detail": "There is no such application."}


def unrouted(call: Call) -> int | None:
    """Return the status with which the gateway answers a path or method before authentication.

    Return None if it passes the request on, or if that is not documented.
    """
    path = call.path.partition("?")[0]
    if OPEN.fullmatch(path):
        return 200
    is_voice = path == "/v1/calls" or path.startswith("/v1/calls/")
    if call.product is None or (is_voice and not _CALL_PATHS.fullmatch(path)):
        return 404
    if is_voice and call.method not in ("GET", "POST", "PUT", "DELETE"):
        return 403
    unrouted_messages = (("GET", "/v0.1/messages"), ("PUT", "/v1/messages"))
    return 403 if (call.method, path) in unrouted_messages else None


class Resources:
    """The resources of one account, which last as long as its sandbox."""

    def __init__(self) -> None:
        #: When each call was made, and what Voice says of it.
        self._calls = [(datetime(2018, 11, 1, 9, tzinfo=timezone.utc), dict(_FIRST_CALL))]
        self._others: dict[str, list[dict[str, Any]]] = {"users": [], "conversations": []}

    def answer(self, call: Call, application: Mapping[str, Any]) -> PreparedAnswer | None:
        """Return the answer to an accepted request, or None if none is documented."""
        path, _, text = call.path.partition("?")
        query, sent = dict(parse_qsl(text)), _sent(call)
        match call.method, path.split("/")[1:]:
            case method, ["v1", "calls", *further]:
                return self._voice(method, further, query, sent)
            case "POST", ["v1" | "v0.1", "messages"]:
                return as_json(202, {"message_uuid": str(uuid.uuid4())})
            case "POST", ["v2", "verify"]:
                return as_json(202, {"request_id": str(uuid.uuid4())})
            case "GET", ["v1", "users" | "conversations" as kind]:
                size, url = _page_size(query), f"{_REGION}/{path[1:]}"
                links = _links(self=f"{url}?page_size={size}", first=f"{url}?page_size={size}")
                page = {kind: self._others[kind][:size]}
                return as_json(200, {"page_size": size, "_embedded": page, "_links": links})
            case "GET", ["v1", "users" | "conversations" as kind, requested]:
                made = (made for made in self._others[kind] if made["id"] == requested)
                return as_json(200, found) if (found := next(made, None)) else None
            case "POST", ["v1", "users" | "conversations" as kind]:
                return self._create(kind, sent)
            case "GET", ["v2", "applications"]:
                return as_json(200, _list_of_applications(application))
            case "GET", ["v2", "applications", requested]:
                is_own = requested == application["id"]
                return as_json(200, application) if is_own else as_json(404, _NO_APPLICATION)
        return None

    def _voice(
        self, method: str, path: list[str], query: Mapping[str, str], sent: Mapping[str, Any]
    ) -> PreparedAnswer:
        call = next((c for _, c in self._calls if path[:1] == [c["uuid"]]), None)
        match method, path:
            case "GET", []:
                return as_json(200, self._list_of_calls(query))
            case "POST", []:
                return self._create_call(sent)
            case "GET", [_] if call:
                return as_json(200, call)
            case "PUT", [_] if call:
                if sent.get("action") == "hangup":
                    call["status"] = "completed"
                return PreparedAnswer(204, {}, b"")
            case "PUT" | "DELETE", [_, "stream" | "talk" as what] if call:
                done = "started" if method == "PUT" else "stopped"
                message = f"{what.capitalize()} {done}"
                return as_json(200, {"message": message, "uuid": call["uuid"]})
            case "PUT", [_, "dtmf"] if call:
                return as_json(200, {"message": "DTMF sent", "uuid": call["uuid"]})
            case _, [_, *_] if call is None:
                return PreparedAnswer(404, {}, b"")  # its body is not documented
        return as_json(405, {"type": "METHOD_NOT_ALLOWED", "error_title": "Method Not Allowed"})

    def _list_of_calls(self, query: Mapping[str, str]) -> dict[str, Any]:
        found = [call for at, call in reversed(self._calls) if _is_wanted(at, call, query)]
        if query.get("order") == "asc":
            found.reverse()
        size, start = _page_size(query), _number(query, "record_index", 0)
        pages = {"self": start, "first": 0, "last": max(len(found) - 1, 0) // size * size}
        if start + size < len(found):
            pages["next"] = start + size
        if start:
            pages["prev"] = max(start - size, 0)
        links = {
            name: "/v1/calls?" + urlencode({**query, "page_size": size, "record_index": index})
            for name, index in pages.items()
        }
        page = {"calls": found[start : start + size]}
        numbers = {"count": len(found), "page_size": size, "record_index": start}
        return {**numbers, "_links": _links(**links), "_embedded": page}

    def _create_call(self, sent: Mapping[str, Any]) -> PreparedAnswer:
        ids = {"uuid": str(uuid.uuid4()), "conversation_uuid": f"CON-{uuid.uuid4()}"}
        created = {**ids, "status": "started", "direction": "outbound"}
        to = sent.get("to")
        given = {"to": to[0] if isinstance(to, list) and to else None, "from": sent.get("from")}
        ends = {name: given[name] or number for name, number in _NUMBERS.items()}
        call = {**created, **ends, "_links": _links(self=f"/v1/calls/{created['uuid']}")}
        self._calls.append((datetime.now(timezone.utc), call))
        return as_json(201, created)

    def _create(self, kind: str, sent: Mapping[str, Any]) -> PreparedAnswer:
        """Make a user or a conversation of what was sent; the newest comes first."""
        random, now = uuid.uuid4(), datetime.now(timezone.utc)
        made = {"name": f"NAM-{random}", "properties": {}, **sent}
        if kind == "users":
            made["id"] = f"USR-{random}"
        else:
            created = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            made |= {"id": f"CON-{random}", "state": "ACTIVE", "sequence_number": 1}
            made["timestamp"] = {"created": created}
        made["_links"] = _links(self=f"{_REGION}/v1/{kind}/{made['id']}")
        self._others[kind].insert(0, made)
        return as_json(201, made)


def application(application_id: str, public_key: str) -> dict[str, Any]:
    """Return an application as the Application API shows it."""
    return {
        "id": application_id,
        "name": "Sandbox",
        "keys": {"public_key": public_key},
        "privacy": {"improve_ai": False},
        "capabilities": {"voice": {}, "messages": {}, "rtc": {}, "verify": {}, "video": {}},
        "_links": _links(self=f"/v2/applications/{application_id}"),
    }


def _list_of_applications(only: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {"page_size": 10, "page": 1, "total_items": 1, "total_pages": 1}
    url = "/v2/applications?page_size=10"
    links = _links(self=f"{url}&page=1", first=url, last=f"{url}&page=1")
    return {**numbers, "_embedded": {"applications": [only]}, "_links": links}


def _is_wanted(at: datetime, call: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Return whether a call passes the filters of Voice. A date has to be ISO 8601."""
    filters = ("status", "conversation_uuid")
    start, end = _date(query.get("date_start")), _date(query.get("date_end"))
    is_alike = all(query.get(name, call[name]) == call[name] for name in filters)
    return is_alike and (not start or at >= start) and (not end or at <= end)


def _sent(call: Call) -> dict[str, Any]:
    """Return the object in the body, or an empty one: it may not be JSON, or have a NaN."""
    fields = json_object(call.body or b"") or {}
    try:
        as_json(200, fields)
    except ValueError:
        return {}
    return fields


def _date(text: str | None) -> datetime | None:
    try:
        date = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _page_size(query: Mapping[str, str]) -> int:
    return min(max(_number(query, "page_size", 10), 1), 100)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else default


def _links(**urls: str) -> dict[str, dict[str, str]]:
    return {name: {"href": url} for name, url in urls.items()}
