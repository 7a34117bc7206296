"""Which origins may receive a token: Vonage's APIs over TLS, and loopback."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import ScopeError
from .redaction import quoted
from .url import (
    DEFAULT_PORTS,
    Origin,
    canonical_host,
    host_matches,
    host_part,
    is_websocket,
    origin_of,
    requests_would_proxy,
)
from .vonage import API_HOSTS

#: Names the hosts, separated by commas, where ``hosts=`` is not given.
HOSTS_VARIABLE = "NEXMO_JWT_HOSTS"

_ENTRY = re.compile(
    r"((?P<scheme>https?)://)?(?P<host>\[[^\]]*\]|[^/:\[\]]+)(:(?P<port>[0-9]{1,5}))?/?"
)


class Scope:
    """The origins that may receive a token.

    ``hosts`` replaces Vonage's: names (https is implied), names with one leading ``*.``
    or a ``*`` within one label, which match a single label or a part of it, or whole
    origins such as ``http://prism:4010``. By default they come from the environment
    variable ``NEXMO_JWT_HOSTS``. Where that names none either, loopback is in scope too, unless
    requests ``elsewhere`` go ``"unsigned"``; ``"refuse"`` refuses them.

    Raises ``ScopeError`` where an entry or ``elsewhere`` is not of this form.
    """

    def __init__(self, hosts: Iterable[str] | None = None, elsewhere: str = "refuse") -> None:
        if elsewhere not in ("refuse", "unsigned"):
            raise ScopeError(f"elsewhere is {quoted(elsewhere)}. Give 'refuse' or 'unsigned'.")
        self._is_unsigned_elsewhere = elsewhere == "unsigned"
        named_by = "hosts"
        if hosts is None:
            variable = os.environ.get(HOSTS_VARIABLE, "")
            hosts = [entry.strip() for entry in variable.split(",") if entry.strip()] or None
            named_by = HOSTS_VARIABLE
        elif isinstance(hosts, (str, bytes)) or not isinstance(hosts, Iterable):
            kind = type(hosts).__name__
            raise ScopeError(f"hosts is of type {kind}. Give a list of hosts or origins.")
        self._is_default = hosts is None
        self._entries = (
            _vonage() if hosts is None else tuple(_entry(entry, named_by) for entry in hosts)
        )

    def origin_for(
        self, url: str, would_proxy: Callable[[str], bool] = requests_would_proxy
    ) -> Origin | None:
        """Return the origin of a request for ``url`` if it may carry a token.

        None where it goes elsewhere, and unsigned. Raises ``ScopeError`` where it is refused.
        ``would_proxy`` tells whether the client would send it to a proxy, were it in clear text.
        """
        if self._is_unsigned_elsewhere:
            origin = _read(url)
            if not self._admits(origin) and not self._wants_tls(origin):
                return None
        return self.check(url, would_proxy)

    def check(self, url: str, would_proxy: Callable[[str], bool] = requests_would_proxy) -> Origin:
        """Return the origin that a request for ``url`` is sent to, if it may carry a token.

        Raises ``ScopeError`` if it may not.
        """
        origin = _read(url)
        if not self._admits(origin):
            raise ScopeError(self._refusal(origin, url), host=origin.host)
        if origin.scheme == "http" and would_proxy(url):
            raise ScopeError(
                f"The environment names a proxy for {origin} (HTTP_PROXY, ALL_PROXY), which would "
                f"see the token in clear text. Add the host to NO_PROXY: NO_PROXY={origin.host}.",
                host=origin.host,
            )
        return origin

    @property
    def first_origin(self) -> Origin:
        """The first origin that is configured by its whole name; by default Vonage's."""
        whole = (entry for entry in self._entries if "*" not in entry.host)
        first = next(whole, _Entry("https", API_HOSTS[0], 443))
        return Origin(first.scheme, first.host, first.port)

    @property
    def elsewhere_in_words(self) -> str:
        """What a ``repr`` says of requests elsewhere: nothing, by default."""
        return ", elsewhere='unsigned'" if self._is_unsigned_elsewhere else ""

    def _admits(self, origin: Origin) -> bool:
        is_open = self._is_default and not self._is_unsigned_elsewhere
        return self.is_configured(origin) or (is_open and origin.is_loopback)

    def _wants_tls(self, origin: Origin) -> bool:
        """Tell whether ``origin`` would be in scope but for its clear text."""
        named = (entry for entry in self._entries if host_matches(entry.host, origin.host))
        return origin.scheme == "http" and any(entry.scheme == "https" for entry in named)

    def is_configured(self, origin: Origin) -> bool:
        """Tell whether ``origin`` was configured, or is Vonage's: then its clock counts for more.

        It has to be configured: any other loopback server may be anything.
        """
        return any(entry.admits(origin) for entry in self._entries)

    def _refusal(self, origin: Origin, url: str) -> str:
        from .vonage.products import product_at  # not for those who are never refused

        product = product_at(urlsplit(url).path, origin.host)
        if product and not product.takes_jwt:
            in_clear = " Write https:// for those." if origin.scheme == "http" else ""
            return f"{origin} does not accept a token: {product.instead}.{in_clear}"
        if self._wants_tls(origin):
            if is_websocket(url):
                return f"{quoted(host_part(url))} is in clear text. Write wss:// instead of ws://."
            return (
                f"{origin} would send the token in clear text. Write https:// instead of http://; "
                "with HTTPie, use the command 'https' instead of 'http'."
            )
        whose = "one of Vonage's API origins" if self._is_default else "one of the configured hosts"
        return (
            f"{origin} is not {whose}, so it may not receive a token. To allow it: "
            f'hosts=["{origin}"] in Python, ?host={origin} at the end of -a, or {HOSTS_VARIABLE}. '
            'To send the request without a token: elsewhere="unsigned" in Python, '
            "--no-auth-type with http."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented
        return vars(self) == vars(other)


def _read(url: str) -> Origin:
    origin = origin_of(url)
    if origin is None:
        has_host = re.match(r"(https?|wss?):/?/?[^/?#]", url, re.IGNORECASE)
        problem = "its host is ambiguous" if has_host else "it is not a whole URL"
        raise ScopeError(
            f"{quoted(host_part(url))} is refused: {problem}. "
            "Write https:// and a plain host name, without a user name."
        )
    return origin


class _Entry(NamedTuple):
    scheme: str
    host: str  # with at most one "*"
    port: int

    def admits(self, origin: Origin) -> bool:
        is_alike = (self.scheme, self.port) == (origin.scheme, origin.port)
        return is_alike and host_matches(self.host, origin.host)


@functools.cache
def _vonage() -> tuple[_Entry, ...]:
    return tuple(_entry(entry, "") for entry in API_HOSTS)


def _entry(text: object, named_by: str) -> _Entry:
    """Read one entry of ``hosts``."""
    match = _ENTRY.fullmatch(text.lower()) if isinstance(text, str) else None
    if not match:
        problem = "is neither a host nor an origin"
    elif match["port"] and not match["scheme"]:
        problem = "has a port but no scheme"
    else:
        scheme = match["scheme"] or "https"
        port = int(match["port"] or DEFAULT_PORTS[scheme])
        host = match["host"].strip("[]")
        fixed = host.replace("*", "x", 1)
        if "*" in host and fixed.count(".") - host.split("*")[0].count(".") < 2:
            problem = "matches too many hosts: a '*' needs two or more labels after it"
        elif not canonical_host(fixed) or port > 65535:
            problem = "is neither a host nor an origin"
        else:
            return _Entry(scheme, host if "*" in host else canonical_host(host), port)
    raise ScopeError(
        f"{named_by} has {quoted(text)}, which {problem}. Write a name such as api.example.com or "
        "*.example.com, or an origin such as http://localhost:4010."
    )
