"""Whether a request in clear text would go through a proxy that the environment names.

Clients read ``NO_PROXY`` in different ways: with ``127.0.0.0/8`` in it, requests keeps away from
the proxy and httpx does not.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies

from requests.utils import get_environ_proxies, select_proxy


def read_by_requests(url: str) -> bool:
    """Tell whether requests, HTTPie and niquests would send a request for ``url`` to a proxy."""
    if is_websocket(url):  # of these, niquests alone takes it, and reads it in its own way
        return read_by_any_client(url)
    return bool(select_proxy(url, get_environ_proxies(url, no_proxy=None)))


def read_by_any_client(url: str) -> bool:
    """Tell whether some client would send a request for ``url`` to a proxy.

    All of them agree on ``NO_PROXY`` where it is ``*``, or has the host itself or its domain.
    For a WebSocket, some use the proxy of any scheme.
    """
    proxies = getproxies()
    no_proxy = proxies.pop("no", "")
    if not proxies or not (is_websocket(url) or {"http", "all"} & proxies.keys()):
        return False
    host = urlsplit(url).hostname or ""
    is_name = ":" not in host and not host.rpartition(".")[2].isdigit()
    return no_proxy != "*" and not any(
        host == entry
        or (is_name and entry != "localhost" and host.endswith(f".{entry.removeprefix('.')}"))
        for entry in map(str.strip, no_proxy.split(","))
        if entry
    )


def is_websocket(url: str) -> bool:
    """Tell whether ``url`` is that of a WebSocket, in whatever case its scheme is written."""
    return urlsplit(url).scheme in ("ws", "wss")
