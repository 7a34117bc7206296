"""How requests and niquests send a refused request once more: from a response hook."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from requests import Response
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from . import Answer
from .signed_request import SignedRequest

_ONCE = "the request body can be read only once; a body that can be read again would be sent again"
_SEND_TAKES = ("stream", "timeout", "verify", "cert", "proxies")


class ResponseHook:
    """The response hook of one signed request, called with the answer to each of its hops.

    requests copies the next hop of a redirect from the request that was sent, with its hooks and
    its header. It takes the header off if the hop leaves the origin, but not from http to https of
    one host.
    """

    def __init__(self, signed: SignedRequest) -> None:
        self.signed: SignedRequest = signed

    def __call__(self, response: Response, **kwargs: Any) -> Response:
        """Return ``response``, or the answer to a second try."""
        signed = self.signed
        header = response.request.headers.get("Authorization")
        is_at_origin = signed.is_for(response.url)
        if header != signed.header:
            # Whoever took the header off, and put none in its place, did so on purpose.
            if header is not None or not is_at_origin:
                signed.lost(_answer(response), is_replaced=is_at_origin)
            return response
        if not is_at_origin:
            return response
        second = signed.retry(_answer(response), partial(_obstacle, response, kwargs))
        if second:
            answer = _send_again(response, second, kwargs)
            if answer is not None:
                response, signed = answer, second
        signed.learn(_answer(response))
        return response

    def __deepcopy__(self, memo: object) -> ResponseHook:
        return self

    def __reduce__(self) -> tuple[type[partial[Response]], tuple[Callable[..., Response]]]:
        return partial, (_do_nothing,)


def attach(request: Any, signed: SignedRequest | None) -> None:
    """Give ``request`` the hook of ``signed``, or none, in the place of the one that it had."""
    # A copy of a request shares its hooks, so they are not changed in place.
    others = [hook for hook in _hooks(request) if not isinstance(hook, ResponseHook)]
    ours = [ResponseHook(signed)] if signed else []
    request.hooks = {**request.hooks, "response": [*others, *ours]}


def attached(request: Any) -> list[SignedRequest]:
    """Return the signed requests that the hooks of ``request`` are for."""
    return [hook.signed for hook in _hooks(request) if isinstance(hook, ResponseHook)]


def _hooks(request: Any) -> list[Any]:
    return list(getattr(request, "hooks", {}).get("response", ()))


def _answer(response: Response) -> Answer:
    method, seconds = str(response.request.method), response.elapsed.total_seconds()
    return Answer(response.status_code, response.headers, response.url, method, seconds)


def _obstacle(refused: Response, kwargs: dict[str, Any]) -> str | None:
    """Rewind the body, and return what prevents sending the request again, if anything."""
    connection = getattr(refused, "connection", None)  # third-party adapters may set none
    is_sync = connection is not None and not iscoroutinefunction(connection.send)
    if not is_sync or kwargs.get("multiplexed"):
        return "this HTTP client cannot resend from a response hook"
    body = refused.request.body
    if body is not None and not isinstance(body, (str, bytes, bytearray, memoryview)):
        try:
            rewind_body(refused.request)
        except (UnrewindableBodyError, ValueError):  # ValueError: a closed file
            return _ONCE
    return None


def _send_again(
    refused: Response, second: SignedRequest, kwargs: dict[str, Any]
) -> Response | None:
    """Send a copy of the refused request, as ``HTTPDigestAuth`` does, and return its answer.

    A copy, since several threads may send one request. Return None if a tool that replays
    recordings has no second answer; raise whatever else sending raises.
    """
    if not kwargs.get("stream"):
        _ = refused.content
    refused.close()
    again: Any = refused.request.copy()
    if again._cookies is not None:
        extract_cookies_to_jar(again._cookies, refused.request, refused.raw)
        again.prepare_cookies(again._cookies)
    again.headers["Authorization"] = second.header
    attach(again, second)
    if hasattr(again, "conn_info"):  # niquests fills it in for the first request alone
        again.conn_info = refused.request.conn_info  # type: ignore[attr-defined]
    started = time.perf_counter()
    try:
        # Tools call hooks with arguments of their own, which send does not take.
        options = {name: kwargs[name] for name in _SEND_TAKES if name in kwargs}
        response: Response = refused.connection.send(again, **options)
    except Exception as error:
        if type(error).__module__.startswith("vcr."):
            return None
        raise
    response.elapsed = timedelta(seconds=time.perf_counter() - started)
    response.request = again
    response.history.append(refused)
    return response


def _do_nothing(response: Response, **kwargs: Any) -> Response:
    """Be the hook of a request that was unpickled: there is no key to sign with."""
    return response
