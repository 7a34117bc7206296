"""The next hop of a redirect, which requests makes by copying the request that was sent."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urljoin

from requests import Response

from .scope import origin_of


def give(request: Any, authorization: str | None) -> None:
    """Make ``request.copy()`` return a copy with this header, or none, until it is taken back.

    What the request says is not altered: it shows what was sent, and can be sent again.
    """
    request.copy = partial(_copy, request, authorization)


def take_back(request: Any) -> None:
    """Let ``request.copy()`` return a plain copy again."""
    vars(request).pop("copy", None)


def _copy(request: Any, authorization: str | None) -> Any:
    next_hop = type(request).copy(request)
    del next_hop.headers["Authorization"]
    if authorization:
        next_hop.headers["Authorization"] = authorization
    return next_hop


def stays(response: Response) -> bool:
    """Tell whether a redirect leads to the origin that it comes from."""
    try:
        origin = origin_of(urljoin(response.url, response.headers["Location"]))
    except ValueError:
        return False
    return origin is not None and origin == origin_of(response.url)
