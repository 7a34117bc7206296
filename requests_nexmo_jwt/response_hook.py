"""What goes along with a request of requests or niquests: a hook that gets each answer."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from requests import Response

from . import second_try
from .redirect import NextHops, stays
from .signed_request import Answer, SignedRequest, conclude


class ResponseHook:
    """The response hook of one signed request.

    It is called after each hop. For a redirect, the client copies the next hop from the request
    that was sent, this hook included, after the hook has run; ``NexmoJWT.__call__`` is not called
    again.
    """

    def __init__(self, signed: SignedRequest) -> None:
        self.signed: SignedRequest = signed
        self._next_hops = NextHops()

    def __call__(
        self, response: Response, **kwargs: Any
    ) -> Response | Coroutine[Any, Any, Response]:
        """Judge the answer to a hop, and prepare the next one.

        To an async client, return a coroutine that does so.
        """
        if second_try.is_async(response):
            return self._in_async(response, **kwargs)
        request, judging = response.request, self._judge(response)
        header = next(judging, None)
        if header:
            response = second_try.send(response, header, **kwargs)
            conclude(judging, _answer(response))
        return self._prepare_next_hop(request, response)

    async def _in_async(self, response: Response, **kwargs: Any) -> Response:
        request, judging = response.request, self._judge(response)
        header = next(judging, None)
        if header:
            response = await second_try.send_in_async(response, header, **kwargs)
            conclude(judging, _answer(response))
        return self._prepare_next_hop(request, response)

    def _judge(self, response: Response) -> Generator[str, Answer, None]:
        self._next_hops.forget()
        return self.signed.judge(_answer(response), partial(second_try.obstacle, response))

    def _prepare_next_hop(self, request: Any, response: Response) -> Response:
        if response.is_redirect and self.signed.has_sent(request.headers.get("Authorization")):
            header = self.signed.new_header() if stays(response) else None
            self._next_hops.give(request, header)
        return response

    def __deepcopy__(self, memo: object) -> ResponseHook:
        return self

    def __reduce__(self) -> tuple[Callable[[], Callable[..., Response]], tuple[()]]:
        return _hook_after_a_pickle, ()


def hook_for(request: Any, signed: SignedRequest) -> ResponseHook:
    """Return the hook of ``request``, in the form that its client wants."""
    hook = ResponseHook(signed)
    # niquests awaits what a hook returns exactly where it takes the hook for a coroutine function.
    if type(request).__module__.startswith("niquests."):
        if sys.version_info >= (3, 12):
            inspect.markcoroutinefunction(hook)
        else:
            from asyncio import coroutines

            hook._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined]
    return hook


def _answer(response: Response) -> Answer:
    request = response.request
    return Answer(
        response.status_code,
        response.headers,
        response.url,
        str(request.method),
        request.headers.get("Authorization"),
        response.elapsed.total_seconds(),
    )


def _hook_after_a_pickle() -> Callable[..., Response]:
    """Return the hook of a request that has travelled in a pickle: it has no key to sign with."""
    return _do_nothing


def _do_nothing(response: Response, **kwargs: Any) -> Response:
    return response
