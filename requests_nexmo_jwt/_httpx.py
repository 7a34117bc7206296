"""What ``httpx2`` and ``httpx`` share: ``NexmoJWT`` with their ``auth_flow``, sync and async.

A client runs one flow around all redirects of a request. It copies the header to the hops within
an origin, and from http to https of one host; other hops carry none.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from typing import Any

from . import auth
from .exchange import Answer
from .exchange.signed_request import SignedRequest


class AuthFlow(auth.NexmoJWT):
    """``NexmoJWT`` for a client that asks for an ``auth_flow``."""

    _replayable: type  # the client's class of bodies that can be sent again

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Sign the request, and send a copy of it once more if its server's time was another.

        The request itself is signed, as httpx's own flows do: wrappers send the one that they have
        and drop what a flow yields. Several threads may send it and replace each other's header, so
        what was signed is kept here and not read from it.
        """
        signed = self._signed(request)
        if signed is None:
            auth.remove_token(request)
            yield request
            return
        started = time.perf_counter()
        response = yield _carrying(signed, request)
        hop = response.request
        is_kept, is_at_origin = "Authorization" in hop.headers, signed.is_for(str(hop.url))
        if not (is_kept and is_at_origin):
            # At the origin, whoever took the header off did so on purpose.
            if not (is_kept or is_at_origin):
                signed.lost(_answer(response, started), is_replaced=False)
            return
        second = signed.retry(_answer(response, started), partial(self._obstacle, hop))
        if second:
            again = self._copy(hop)
            response.cookies.set_cookie_header(again)
            started, signed = time.perf_counter(), second
            response = yield _carrying(signed, again)
        signed.learn(_answer(response, started))

    def _obstacle(self, request: Any) -> str | None:
        is_replayable = isinstance(request.stream, self._replayable)
        return None if is_replayable else "the request body cannot be read again; send bytes"

    def _copy(self, request: Any) -> Any:
        copied = {name: getattr(request, name) for name in ("headers", "stream", "extensions")}
        again = type(request)(request.method, request.url, **copied)
        again.read()  # for those who look at its content
        return again


def _carrying(signed: SignedRequest, request: Any) -> Any:
    request.headers["Authorization"] = signed.header
    request.extensions = {**request.extensions, auth.SIGNED: signed}
    return request


def _answer(response: Any, started: float) -> Answer:
    request = response.request
    seconds = time.perf_counter() - started
    return Answer(response.status_code, response.headers, str(request.url), request.method, seconds)
