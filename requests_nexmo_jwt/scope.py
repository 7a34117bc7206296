"""Which origins may receive a token: Vonage's APIs over TLS, and loopback.

A URL is judged as it will be connected to: requests prepares it with urllib3's
parser and, since 2.32, connects by the standard library's. Where the two do not
read the same in a URL, nobody gets a token.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from .errors import ScopeError
from .redaction import shown

if TYPE_CHECKING:
    from .products import Product

#: Vonage's API hosts. Not all of ``*.vonage.com``: customers' own code runs under
#: ``*.serverless.vonage.com``.
VONAGE_HOSTS = (
    "api.nexmo.com",
    "api-*.nexmo.com",
    "api-*.vonage.com",
    "video.api.vonage.com",
    "messages-sandbox.nexmo.com",
)

#: Names the hosts, separated by commas, where ``hosts=`` is not given.
HOSTS_VARIABLE = "NEXMO_JWT_HOSTS"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_ENTRY = re.compile(
    r"((?P<scheme>https?)://)?(?P<host>\[[^\]]*\]|[^/:\[\]]+)(:(?P<port>[0-9]{1,5}))?/?"
)
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


class Origin(NamedTuple):
    """Scheme, host and port, RFC 6454; ``host`` in lower case, an IP address canonical."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
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

    None where it is no http or https URL, carries a user name, has a host that is
    neither a plain name nor a plain IP address, or can be read in two ways.
    """
    plain = _PLAIN.match(url)
    return _plain_origin(plain[0]) if plain else _parsed_origin(url)


def product_of(url: str) -> Product | None:
    """Return the product that ``url`` belongs to; on this machine, the path alone decides."""
    origin = origin_of(url)
    if origin is None:
        return None
    host = None if origin.is_loopback else origin.host
    product: Product | None = _products().find(urlsplit(url).path, host)
    return product


def _products() -> ModuleType:
    """Import the table of products: whoever is never refused does not pay for it."""
    from . import products

    return products


# The part of a URL up to its host and port that nobody reads in two ways.
_PLAIN = re.compile(r"https?://[a-z0-9_.-]+(:[0-9]{1,5})?(?=[/?#]|\Z)")


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
    if scheme not in _DEFAULT_PORTS or "@" in by_stdlib.netloc:
        return None
    host = _canonical(by_stdlib.hostname or "")
    return Origin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port) if host else None


class Scope:
    """The origins that may receive a token.

    ``hosts`` replaces Vonage's: names (https is implied), names with one leading ``*.``
    or a ``*`` within one label, which stand for a single label or a part of it, or whole
    origins such as ``http://prism:4010``. By default they come from the environment
    variable ``NEXMO_JWT_HOSTS``. Where that names none either, loopback is in scope too.

    Raises ``ScopeError`` where an entry is not of this form.
    """

    def __init__(self, hosts: Iterable[str] | None = None) -> None:
        named_by = "hosts"
        if hosts is None:
            variable = os.environ.get(HOSTS_VARIABLE, "")
            hosts = [entry.strip() for entry in variable.split(",") if entry.strip()] or None
            named_by = HOSTS_VARIABLE
        elif isinstance(hosts, (str, bytes)) or not isinstance(hosts, Iterable):
            raise ScopeError(f"hosts is a {type(hosts).__name__}. Give a list of hosts or origins.")
        self._is_default = hosts is None
        self._entries = (
            _vonage() if hosts is None else tuple(_entry(entry, named_by) for entry in hosts)
        )

    def check(self, url: str) -> Origin:
        """Return the origin that a request for ``url`` is sent to, if it may carry a token.

        Raises ``ScopeError`` if it may not.
        """
        origin = origin_of(url)
        if origin is None:
            raise ScopeError(
                f"{shown(_host_part(url))} gets no token: its host is ambiguous. "
                "Write https://, the plain name of the host, and no user name before it."
            )
        if not (self.may_set_the_time(origin) or (self._is_default and origin.is_loopback)):
            raise ScopeError(self._refusal(origin, url), host=origin.host)
        if origin.scheme == "http" and select_proxy(url, get_environ_proxies(url, no_proxy=None)):
            raise ScopeError(
                f"HTTP_PROXY or ALL_PROXY names a proxy for {origin}, which would see the token "
                f"in clear text. Add the host to NO_PROXY: NO_PROXY={origin.host}.",
                host=origin.host,
            )
        return origin

    def may_set_the_time(self, origin: Origin) -> bool:
        """Tell whether tokens for other uses may follow the clock of ``origin``.

        It has to be named: a loopback server that nobody named may be anything.
        """
        return any(entry.admits(origin) for entry in self._entries)

    def _refusal(self, origin: Origin, url: str) -> str:
        product = _products().find(urlsplit(url).path, origin.host)
        if product and not product.takes_jwt:
            return f"{origin} gets no token: {product.instead}."
        named = [entry for entry in self._entries if entry.names(origin.host)]
        if origin.scheme == "http" and any(entry.scheme == "https" for entry in named):
            return (
                f"{origin} would send the token in clear text. Write https:// instead of http://; "
                "with HTTPie, use the command 'https' instead of 'http'."
            )
        whose = "one of Vonage's API origins" if self._is_default else "one of the configured hosts"
        return (
            f"{origin} is not {whose}, so it gets no token. If it should have one, name it: "
            f'hosts=["{origin}"] in Python, ?host={origin} at the end of -a, or {HOSTS_VARIABLE}.'
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented
        return (self._entries, self._is_default) == (other._entries, other._is_default)


class _Entry(NamedTuple):
    scheme: str
    host: str  # with at most one "*"
    port: int

    def admits(self, origin: Origin) -> bool:
        return (self.scheme, self.port) == (origin.scheme, origin.port) and self.names(origin.host)

    def names(self, host: str) -> bool:
        before, star, after = self.host.partition("*")
        if not star:
            return host == self.host
        part = host[len(before) : len(host) - len(after)]
        return bool(part) and "." not in part and host == before + part + after


@functools.cache
def _vonage() -> tuple[_Entry, ...]:
    return tuple(_entry(entry, "") for entry in VONAGE_HOSTS)


def _entry(text: object, named_by: str) -> _Entry:
    """Read one entry of ``hosts``."""
    match = _ENTRY.fullmatch(text.lower()) if isinstance(text, str) else None
    if not match:
        problem = "is neither a host nor an origin"
    elif match["port"] and not match["scheme"]:
        problem = "has a port but no scheme"
    else:
        scheme = match["scheme"] or "https"
        port = int(match["port"] or _DEFAULT_PORTS[scheme])
        host = match["host"].strip("[]")
        fixed = host.replace("*", "x", 1)
        if "*" in host and fixed.count(".") - host.split("*")[0].count(".") < 2:
            problem = "names too many hosts: a '*' stands in one label, before two or more others"
        elif not _canonical(fixed) or port > 65535:
            problem = "is neither a host nor an origin"
        else:
            return _Entry(scheme, host if "*" in host else _canonical(host), port)
    raise ScopeError(
        f"{named_by} has {shown(text)}, which {problem}. Write a name such as api.example.com or "
        "*.example.com, or an origin such as http://localhost:4010."
    )


def _canonical(host: str) -> str:
    """Return a host name or an IP address in the form that is compared; empty for neither."""
    if _NAME.fullmatch(host) and not host.rpartition(".")[2].isdigit():
        return host
    try:
        return str(ipaddress.ip_address(host)) if "%" not in host else ""
    except ValueError:
        return ""


def _host_part(url: str) -> str:
    """Return ``url`` up to its host, without what may be a user name and a password.

    A password may have a ``/``, ``?`` or ``#`` that nobody has escaped: all before the last ``@``
    is left out.
    """
    match = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", url)
    if not match:
        name, colon, _ = re.split(r"[/?#@]", url, maxsplit=1)[0].partition(":")
        return name + (":..." if colon else "")
    _, at, host = url[match.end() :].rpartition("@")
    return match[0] + ("...@" if at else "") + re.split(r"[/?#]", host, maxsplit=1)[0]
