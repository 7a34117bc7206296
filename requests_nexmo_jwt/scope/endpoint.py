"""``NEXMO_JWT_ENDPOINT``: an origin on this machine that stands in for all of Vonage's hosts.

It is to this package what ``AWS_ENDPOINT_URL`` is to boto3, for loopback only. This module is
imported only if the variable is set.
"""

from __future__ import annotations

import functools
import logging
import re
from typing import Any

from ..errors import ScopeError
from ..redaction import Hidden
from ..url import Origin, is_websocket, origin_of
from . import ENDPOINT_VARIABLE, VONAGE, Destination, Entry, Hosts, Scope

_FORM = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\]):[1-9][0-9]{0,4}")

_log = logging.getLogger("requests_nexmo_jwt")


def hosts_at(value: Hidden[str], *, is_kept: bool) -> Hosts:
    """Return the hosts in scope while the variable has this value: Vonage's, and the endpoint.

    ``is_kept``: it is not set any more, and was when the auth object was made. Raises
    ``ScopeError`` if the value is not the scheme, host and port of a loopback server.
    """
    origin = _origin(value.reveal().lower())
    if origin and origin.is_loopback:
        when = " (its value when this auth object was made)" if is_kept else ""
        return Hosts((*VONAGE.entries, Entry(*origin)), f"{ENDPOINT_VARIABLE}{when}", origin)
    problem = "is not an origin of the form http://127.0.0.1:4010"
    if origin:
        problem = "names another machine"
    remedy = "Set it to the scheme, loopback host and port of a server here, or unset it."
    raise ScopeError(ENDPOINT_VARIABLE, problem, remedy, "endpoint")


@functools.lru_cache(maxsize=16)
def _origin(value: str) -> Origin | None:
    return origin_of(value) if _FORM.fullmatch(value) else None


def moved(url: str, endpoint: Origin) -> str:
    """Return ``url`` with the origin of ``endpoint``; that of a WebSocket remains one."""
    origin = str(endpoint).replace("http", "ws", 1) if is_websocket(url) else str(endpoint)
    return origin + re.sub(r"[^/?#]*", "", url.partition("://")[2], count=1)


def move(request: Any, destination: Destination, scope: Scope) -> None:
    """Let ``request`` go to ``destination``; log it once for the object that has ``scope``."""
    request.url = type(request.url)(destination.url)
    if "Host" in request.headers:  # httpx has one in each request
        request.headers["Host"] = str(destination.origin).partition("://")[2]
    if not scope.is_move_logged:
        scope.is_move_logged = True
        named_by, endpoint = scope.hosts.named_by, destination.origin
        _log.warning("%s: requests for Vonage are sent to %s.", named_by, endpoint)


def not_moved(url: str, destination: Destination) -> ScopeError:
    """Return the error for a header for ``url``: alone, it cannot send a request elsewhere."""
    return ScopeError(
        str(origin_of(url)),
        f"receives nothing while {ENDPOINT_VARIABLE} is {destination.origin}, and a header cannot "
        "move a request there",
        f"Request {destination.url} instead, or unset {ENDPOINT_VARIABLE}.",
        "endpoint",
    )
