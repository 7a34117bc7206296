"""What the origin of a URL is, and whether a proxy would see a request in clear text.

requests prepares a URL with urllib3's parser and, since 2.32, connects by the standard library's.
A URL that the two read differently has no origin.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

import requests.utils
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


class Origin(NamedTuple):
    """Scheme, host and port, RFC 6454; ``host`` in lower case, an IP address canonical."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine: ``localhost``, 127.0.0.0/8 or ``[::1]``."""
        try:
            # Not IPv6Address.is_loopback: since Python 3.13, ::ffff:127.0.0.1 counts as well.
            return self.host in ("localhost", "::1") or ipaddress.IPv4Address(self.host).is_loopback
        except ValueError:
            return False


def origin_of(url: str) -> Origin | None:
    """Return the origin that a request for ``url`` is sent to.

    That of a WebSocket is the origin of its opening request (RFC 6455, section 4.1). Return None
    for a URL of any other scheme, with a user name, with a host that is neither a plain name nor a
    plain IP address, or that parsers read in two ways.
    """
    plain = _PLAIN.match(url)
    return _plain_origin(plain[0]) if plain else _parsed_origin(url)


# A URL up to its host and port, in a form that every parser reads alike.
_PLAIN = re.compile(r"(http|ws)s?://[a-z0-9_.-]+(:[0-9]{1,5})?(?=[/?#]|\Z)")


def _parsed_origin(url: str) -> Origin | None:
    try:
        by_stdlib, by_urllib3 = urlsplit(url), parse_url(url)
        port, scheme = by_stdlib.port, by_stdlib.scheme
    except (ValueError, LocationParseError):
        return None
    other = by_urllib3.scheme, (by_urllib3.host or "").strip("[]"), by_urllib3.port
    if (scheme, by_stdlib.hostname, port) != other:
        return None
    if scheme not in _SCHEMES or "@" in by_stdlib.netloc:
        return None
    host, scheme = canonical_host(by_stdlib.hostname or ""), _SCHEMES[scheme]
    return Origin(scheme, host, DEFAULT_PORTS[scheme] if port is None else port) if host else None


# The two parsers cost a tenth of a signature.
_plain_origin = functools.lru_cache(maxsize=64)(_parsed_origin)


def canonical_host(host: str) -> str:
    """Return a host name or an IP address in the form that is compared, or "" for anything else."""
    if _NAME.fullmatch(host) and not host.rpartition(".")[2].isdigit():
        return host
    try:
        return str(ipaddress.ip_address(host)) if "%" not in host else ""
    except ValueError:
        return ""


def host_matches(pattern: str, host: str) -> bool:
    """Return whether ``pattern`` is ``host``; a ``*`` in it stands for a label or a part of one."""
    if "*" not in pattern:
        return host == pattern
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^.]+"), host) is not None


def host_part(url: str) -> str:
    """Return ``url`` up to its host, without what may be a user name and a password.

    A password may contain an unescaped ``/``, ``?`` or ``#``: everything before the last ``@`` is
    left out.
    """
    match = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", url)
    if not match:
        name, colon, _ = re.split(r"[/?#@]", url, maxsplit=1)[0].partition(":")
        return name + (":..." if colon else "")
    _, at, host = url[match.end() :].rpartition("@")
    return match[0] + ("...@" if at else "") + re.split(r"[/?#]", host, maxsplit=1)[0]


def scheme_of(url: str) -> str:
    """Return the scheme of ``url`` in lower case, or an empty string if it has none before ``://``."""
    match = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    return match[1].lower() if match else ""


def is_websocket(url: str) -> bool:
    """Return whether the scheme of ``url`` is that of a WebSocket, in upper or lower case."""
    return scheme_of(url) in ("ws", "wss")


def requests_would_proxy(url: str, utils: Any = requests.utils) -> bool:
    """Return whether requests or HTTPie would send a request for ``url`` to a proxy.

    For niquests, pass its own ``utils``: it reads ``NO_PROXY`` in another way.
    """
    if is_websocket(url):
        return any_client_would_proxy(url)
    return bool(utils.select_proxy(url, utils.get_environ_proxies(url, no_proxy=None)))


def proxy_guard(request: object) -> Callable[[str], bool]:
    """Return the function that says whether the client of ``request`` would send it to a proxy."""
    if not hasattr(request, "register_hook"):
        return any_client_would_proxy
    niquests = sys.modules.get("niquests.utils")
    is_its = any(kind.__module__.startswith("niquests.") for kind in type(request).__mro__)
    return partial(requests_would_proxy, utils=niquests) if is_its else requests_would_proxy


def any_client_would_proxy(url: str) -> bool:
    """Return whether some client would send a request for ``url`` to a proxy of the environment.

    Clients read ``NO_PROXY`` in different ways: with ``127.0.0.0/8`` in it, requests avoids the
    proxy and httpx does not. All agree if it is ``*``, or has the host itself or its domain. For a
    WebSocket, some use the proxy of any scheme.
    """
    proxies = getproxies()
    no_proxy = proxies.pop("no", "")
    if not proxies or not (is_websocket(url) or {scheme_of(url), "all"} & proxies.keys()):
        return False
    host = urlsplit(url).hostname or ""
    is_name = ":" not in host and not host.rpartition(".")[2].isdigit()
    return no_proxy != "*" and not any(
        host == entry
        or (is_name and entry != "localhost" and host.endswith(f".{entry.removeprefix('.')}"))
        for entry in map(str.strip, no_proxy.split(","))
        if entry
    )
