"""A request that was refused, sent once more: what may keep it from that, and how it is done."""

from __future__ import annotations

import time
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any

from requests import Response
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from .bounded import read_beginning

# Problems of RFC 7807 have some hundred bytes, and come at once.
_MAX_REFUSAL_BYTES = 1 << 16
_MAX_REFUSAL_SECONDS = 2


def is_async(response: Response) -> bool:
    """Tell whether the client that got ``response`` sends with ``await``."""
    connection = getattr(response, "connection", None)
    return connection is not None and iscoroutinefunction(connection.send)


def obstacle(refused: Response) -> str | None:
    """Make the body ready to be sent again, and tell what keeps the request from it."""
    if getattr(refused, "connection", None) is None:  # as with third-party adapters
        return "this HTTP client cannot resend from a response hook"
    body = refused.request.body
    if body is None or isinstance(body, (str, bytes, bytearray, memoryview)):
        return None
    if iscoroutinefunction(getattr(body, "seek", None)):
        return "the request body cannot be rewound"
    try:
        rewind_body(refused.request)
    except (UnrewindableBodyError, ValueError):  # ValueError: a closed file
        return "the request body cannot be rewound"
    return None


def send(refused: Response, header: str, **kwargs: Any) -> Response:
    """Send the refused request again with a new ``Authorization``, as ``HTTPDigestAuth`` does.

    Raises what requests raises; where a tool that replays recordings has no second answer, the
    refusal is returned.
    """
    _read(refused, is_streamed=kwargs.get("stream", False))
    again, started = _copy(refused, header), time.perf_counter()
    try:
        response: Response = refused.connection.send(again, **_at_once(kwargs))
    except Exception as error:
        if type(error).__module__.startswith("vcr."):  # a recording without a second answer
            return refused
        raise
    return _in_place_of(refused, response, again, started, kwargs)


async def send_in_async(refused: Any, header: str, **kwargs: Any) -> Response:
    """Do what ``send`` does, for an async client; the body of the refusal is not read."""
    await refused.close()
    refused._content, refused._content_consumed = b"", True
    again, started = _copy(refused, header), time.perf_counter()
    response = await refused.connection.send(again, **_at_once(kwargs))
    response = _in_place_of(refused, response, again, started, kwargs)
    hop: Any = response.history[-1]
    if type(hop).__name__ == "AsyncResponse":  # which wants await for what is there already
        hop.__class__ = type(hop).__base__
    return response


def _copy(refused: Response, header: str) -> Any:
    again: Any = refused.request.copy()
    if again._cookies is not None:
        extract_cookies_to_jar(again._cookies, refused.request, refused.raw)
        again.prepare_cookies(again._cookies)
    again.headers["Authorization"] = header
    if hasattr(again, "conn_info"):  # niquests fills it in for the first request alone
        again.conn_info = getattr(refused.request, "conn_info", None)
    return again


def _at_once(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments for an answer that has come when it is returned.

    niquests returns others, where a connection carries several requests at a time.
    """
    return {**kwargs, "multiplexed": False} if "multiplexed" in kwargs else kwargs


def _in_place_of(
    refused: Response, response: Response, again: Any, started: float, kwargs: dict[str, Any]
) -> Response:
    response.elapsed = timedelta(seconds=time.perf_counter() - started)
    response.request = again
    if kwargs.get("multiplexed"):  # niquests' user has the refused one already, and it only fills
        refused.__dict__, response.__dict__ = response.__dict__, refused.__dict__
        refused, response = response, refused
    response.history.append(refused)
    return response


def _read(refused: Response, *, is_streamed: bool) -> None:
    """Read a refusal for ``history``, until there are many bytes or seconds, and close it.

    With ``stream=True`` it is not read at all.
    """
    if refused._content_consumed:
        return
    body = b""
    if not is_streamed:
        body = read_beginning(refused, _MAX_REFUSAL_BYTES, _MAX_REFUSAL_SECONDS)
    refused.close()
    refused._content, refused._content_consumed = body, True
