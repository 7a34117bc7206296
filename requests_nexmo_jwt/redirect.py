"""The next hop of a redirect, which requests makes by copying the request that was sent."""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import Any
from urllib.parse import urljoin

from requests import Response

from .origin import origin_of


class NextHops:
    """The headers for the next hops of one request, which several threads may send at once.

    What the request says is not altered: it shows what was sent, and can be sent again.
    """

    def __init__(self) -> None:
        self._by_thread: dict[int, str | None] = {}

    def give(self, request: Any, authorization: str | None) -> None:
        """Make ``request.copy()`` in this thread return a copy with this header, or with none."""
        self._by_thread[get_ident()] = authorization
        request.copy = partial(_copy, request, self._by_thread)

    def forget(self) -> None:
        """Let ``copy()`` in this thread return a plain copy again: the hop was answered."""
        self._by_thread.pop(get_ident(), None)


def _copy(request: Any, by_thread: dict[int, str | None]) -> Any:
    copy = type(request).copy(request)
    if get_ident() in by_thread:
        copy.headers.pop("Authorization", None)
        authorization = by_thread[get_ident()]
        if authorization:
            copy.headers["Authorization"] = authorization
    return copy


def stays(response: Response) -> bool:
    """Tell whether a redirect leads to the origin that it comes from."""
    try:
        origin = origin_of(urljoin(response.url, response.headers["Location"]))
    except ValueError:
        return False
    return origin is not None and origin == origin_of(response.url)
