"""The walk of a request through httpx2 and httpx: their ``auth_flow``, sync and async.

A flow is run around all redirects of a request. The client copies the header to the hops within an
origin, and from http to https of one host; other hops carry none.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from . import auth
from .origin import Origin, origin_of
from .proxies import read_by_any_client
from .signed_request import Answer, SignedRequest, conclude


class AuthFlow(auth.NexmoJWT):
    """``NexmoJWT`` for a client that asks for an ``auth_flow``."""

    _replayable: type  # the client's class of bodies that can be sent again

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Send a copy of the request that carries a token, and at most one more."""
        origin = self._scope.origin_for(str(request.url), goes_by_proxy=read_by_any_client)
        if origin is None:
            auth.take_back(request)
            yield request
            return
        signed = SignedRequest(self._signer, self._clocks.of(origin))
        request, started = self._copy(request, signed.new_header(), signed), time.perf_counter()
        response = yield request
        answer = _answer(response, started, origin)
        judging = signed.judge(answer, lambda: self._obstacle(response))
        header = next(judging, None)
        if header:
            request, started = self._copy(response.request, header, signed), time.perf_counter()
            response.cookies.set_cookie_header(request)
            conclude(judging, _answer((yield request), started, origin))

    def _copy(self, request: Any, header: str, signed: SignedRequest) -> Any:
        again = type(request)(
            request.method,
            request.url,
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, auth.SIGNED: signed},
        )
        again.headers["Authorization"] = header
        if isinstance(again.stream, self._replayable):
            again.read()  # for those who look at its content
        return again

    def _obstacle(self, refused: Any) -> str | None:
        is_replayable = isinstance(refused.request.stream, self._replayable)
        return None if is_replayable else "the request body cannot be read again"


def _answer(response: Any, started: float, origin: Origin) -> Answer:
    request, seconds = response.request, time.perf_counter() - started
    # A redirect from http to https of one host keeps the header: another origin, another clock.
    has_our_token = origin_of(str(request.url)) == origin
    header = request.headers.get("Authorization") if has_our_token else None
    url, method = str(request.url), request.method
    return Answer(response.status_code, response.headers, url, method, header, seconds)
