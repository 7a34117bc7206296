"""Where a request goes, as it will be connected to.

requests prepares a URL with urllib3's parser and, since 2.32, connects by the standard library's.
Where the two do not read the same in a URL, it has no origin.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


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
        if self.host in ("localhost", "::1"):
            return True
        try:
            return ipaddress.IPv4Address(self.host) in _LOOPBACK
        except ValueError:
            return False


def origin_of(url: str) -> Origin | None:
    """Return the origin that a request for ``url`` is sent to.

    That of a WebSocket is the one of its opening request (RFC 6455, section 4.1). None where it is
    neither an http nor a WebSocket URL, carries a user name, has a host that is
    neither a plain name nor a plain IP address, or can be read in two ways.
    """
    plain = _PLAIN.match(url)
    return _plain_origin(plain[0]) if plain else _parsed_origin(url)


# A URL up to its host and port, in a form that every parser reads alike.
_PLAIN = re.compile(r"(http|ws)s?://[a-z0-9_.-]+(:[0-9]{1,5})?(?=[/?#]|\Z)")


@functools.lru_cache(maxsize=64)
def _plain_origin(scheme_host_and_port: str) -> Origin | None:
    """Remember what both parsers make of it: they cost a tenth of a signature."""
    return _parsed_origin(scheme_host_and_port)


def _parsed_origin(url: str) -> Origin | None:
    try:
        by_stdlib, by_urllib3 = urlsplit(url), parse_url(url)
        port, scheme = by_stdlib.port, by_stdlib.scheme
    except (ValueError, LocationParseError):
        return None
    if (scheme, by_stdlib.hostname, port) != (
        by_urllib3.scheme,
        (by_urllib3.host or "").strip("[]"),
        by_urllib3.port,
    ):
        return None
    if scheme not in _SCHEMES or "@" in by_stdlib.netloc:
        return None
    host, scheme = canonical(by_stdlib.hostname or ""), _SCHEMES[scheme]
    return Origin(scheme, host, DEFAULT_PORTS[scheme] if port is None else port) if host else None


def canonical(host: str) -> str:
    """Return a host name or an IP address in the form that is compared; empty for neither."""
    if _NAME.fullmatch(host) and not host.rpartition(".")[2].isdigit():
        return host
    try:
        return str(ipaddress.ip_address(host)) if "%" not in host else ""
    except ValueError:
        return ""


def host_part(url: str) -> str:
    """Return ``url`` up to its host, without what may be a user name and a password.

    A password may contain an unescaped ``/``, ``?`` or ``#``: all before the last ``@``
    is left out.
    """
    match = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", url)
    if not match:
        name, colon, _ = re.split(r"[/?#@]", url, maxsplit=1)[0].partition(":")
        return name + (":..." if colon else "")
    _, at, host = url[match.end() :].rpartition("@")
    return match[0] + ("...@" if at else "") + re.split(r"[/?#]", host, maxsplit=1)[0]
