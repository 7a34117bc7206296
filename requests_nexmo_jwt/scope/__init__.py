"""Which origins may receive a token: Vonage's APIs over TLS, and loopback.

``refusals`` says why the others may not. ``endpoint`` is what ``NEXMO_JWT_ENDPOINT`` changes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..errors import ScopeError
from ..redaction import Hidden, may_hold_key_text, quoted
from ..url import (
    DEFAULT_PORTS,
    Origin,
    canonical_host,
    host_matches,
    host_part,
    origin_of,
    requests_would_proxy,
    scheme_of,
)
from ..vonage import API_HOST, API_HOSTS

#: Names the hosts, separated by commas, if ``hosts=`` is not passed.
HOSTS_VARIABLE = "NEXMO_JWT_HOSTS"

#: Names an origin on this machine, to which requests for Vonage's hosts are sent instead.
ENDPOINT_VARIABLE = "NEXMO_JWT_ENDPOINT"

#: The schemes that can carry a token; without one, it is not a whole URL.
CARRYING = ("", "http", "https", "ws", "wss")

_ENTRY = re.compile(
    r"((?P<scheme>https?)://)?(?P<host>\[[^\]]*\]|[^/:\[\]]+)(:(?P<port>[0-9]{1,5}))?/?"
)


class Destination(NamedTuple):
    """The URL that a request with a token is sent to, and its origin."""

    url: str
    origin: Origin


class Scope:
    """The origins that may receive a token.

    ``hosts`` and ``elsewhere`` are those of ``NexmoJWT``. A ``*`` in a host matches a single label
    or a part of it. ``NEXMO_JWT_ENDPOINT`` counts for more: its value at the request, or else when
    the object was made. Raises ``ScopeError`` if one of them is invalid.
    """

    def __init__(self, hosts: Iterable[str] | None = None, elsewhere: str = "refuse") -> None:
        if elsewhere not in ("refuse", "unsigned"):
            problem, remedy = f"is {quoted(elsewhere)}", "Give 'refuse' or 'unsigned'."
            raise ScopeError("elsewhere", problem, remedy)
        self.is_unsigned_elsewhere: bool = elsewhere == "unsigned"
        #: Whether the log has said that requests are sent to the endpoint.
        self.is_move_logged: bool = False
        self._hosts, named_by = VONAGE, "hosts"
        self._endpoint = os.environ.get(ENDPOINT_VARIABLE, "").strip()
        if hosts is None and self.hosts.endpoint is None:
            hosts, named_by = _in_the_environment(), HOSTS_VARIABLE
        if isinstance(hosts, (str, bytes)) or not isinstance(hosts, (Iterable, type(None))):
            problem = f"is of type {type(hosts).__name__}"
            raise ScopeError("hosts", problem, "Give a list of hosts or origins.")
        if hosts is not None:
            self._hosts = Hosts(tuple(_entry(entry, named_by) for entry in hosts), named_by)

    def destination(
        self, url: str, would_proxy: Callable[[str], bool] = requests_would_proxy
    ) -> Destination | None:
        """Return where to send a request for ``url``, or None if it goes elsewhere, unsigned.

        Raises ``ScopeError`` if it is refused. ``would_proxy`` returns whether the client would
        send it to a proxy.
        """
        if self.is_unsigned_elsewhere:
            if scheme_of(url) not in CARRYING:
                return None
            origin, hosts = _read(url), self.hosts
            if not hosts.include(origin, url) and not hosts.want_tls(origin):
                return None
        return self.required_destination(url, would_proxy)

    def required_destination(
        self, url: str, would_proxy: Callable[[str], bool] = requests_would_proxy
    ) -> Destination:
        """Return where to send a request for ``url``, which has to carry a token.

        Raises ``ScopeError`` if it may not.
        """
        origin, hosts = _read(url), self.hosts
        is_open = hosts == VONAGE and not self.is_unsigned_elsewhere
        if not hosts.include(origin, url) and not (is_open and origin.is_loopback):
            from . import refusals

            raise refusals.out_of_scope(hosts, origin, url)
        if hosts.endpoint:
            from . import endpoint

            url, origin = endpoint.moved(url, hosts.endpoint), hosts.endpoint
        if (origin.scheme == "http" or hosts.endpoint) and would_proxy(url):
            from . import refusals

            raise refusals.proxied(origin)
        return Destination(url, origin)

    @property
    def first_origin(self) -> Origin:
        """The first origin that is configured by its whole name; by default Vonage's."""
        whole = (entry for entry in self.hosts.entries if "*" not in entry.host)
        return Origin(*next(whole, Entry("https", API_HOST, 443)))

    def lists(self, origin: Origin) -> bool:
        """Return whether ``origin`` was configured, or is Vonage's; other loopback does not count.

        While the endpoint is set, only the endpoint is.
        """
        hosts = self.hosts
        return origin == hosts.endpoint if hosts.endpoint else hosts.include(origin, "")

    @property
    def hosts(self) -> Hosts:
        """The hosts that may receive a token now."""
        value = Hidden(os.environ.get(ENDPOINT_VARIABLE, "").strip())  # it may be a secret
        if not (value.reveal() or self._endpoint):
            return self._hosts
        from . import endpoint

        is_kept = not value.reveal()
        return endpoint.hosts_at(Hidden(self._endpoint) if is_kept else value, is_kept=is_kept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented
        return {**vars(self), "is_move_logged": 0} == {**vars(other), "is_move_logged": 0}


class Hosts(NamedTuple):
    """The hosts that may receive a token, what names them, and the endpoint in their place."""

    entries: tuple[Entry, ...]
    named_by: str
    endpoint: Origin | None = None

    @property
    def are_named(self) -> bool:
        """Whether a user names them."""
        return self.named_by in ("hosts", HOSTS_VARIABLE)

    def include(self, origin: Origin, url: str) -> bool:
        """Return whether ``origin`` may receive a token, and does not run customers' code there."""
        is_covered = any(entry.covers(origin) for entry in self.entries)
        if is_covered and origin.host.endswith(".vonage.com") and not self.are_named:
            from ..vonage.customers import is_customers

            return not is_customers(url)
        return is_covered

    def want_tls(self, origin: Origin) -> bool:
        """Return whether ``origin`` would be included except for its clear text."""
        named = (entry for entry in self.entries if host_matches(entry.host, origin.host))
        return origin.scheme == "http" and any(entry.scheme == "https" for entry in named)


class Entry(Origin):
    """An origin, with at most one ``*`` in its host."""

    __slots__ = ()

    def covers(self, origin: Origin) -> bool:
        """Return whether ``origin`` is this, or one of these."""
        is_alike = (self.scheme, self.port) == (origin.scheme, origin.port)
        return is_alike and host_matches(self.host, origin.host)


def _in_the_environment() -> list[str] | None:
    if may_hold_key_text(os.environ.get(HOSTS_VARIABLE, "")):
        problem, remedy = "contains a private key (redacted)", "List hosts there, or unset it."
        raise ScopeError(HOSTS_VARIABLE, problem, remedy)
    entries = os.environ.get(HOSTS_VARIABLE, "").split(",")
    return [entry.strip() for entry in entries if entry.strip()] or None


def _read(url: str) -> Origin:
    origin = origin_of(url)
    if origin is None:
        from . import refusals

        raise refusals.unreadable(url)
    return origin


def _entry(text: object, named_by: str) -> Entry:
    """Read one entry of ``hosts``."""
    match = _ENTRY.fullmatch(text.lower()) if isinstance(text, str) else None
    problem = "is neither a host nor an origin"
    if match and match["port"] and not match["scheme"]:
        problem = "has a port but no scheme"
    elif match:
        scheme = match["scheme"] or "https"
        port = int(match["port"] or DEFAULT_PORTS[scheme])
        host = match["host"].strip("[]")
        fixed = host.replace("*", "x", 1)
        if "*" in host and fixed.count(".") - host.split("*")[0].count(".") < 2:
            problem = "matches too many hosts: a '*' needs two or more labels after it"
        elif canonical_host(fixed) and port <= 65535:
            return Entry(scheme, host if "*" in host else canonical_host(host), port)
    # What stands before an "@" may be a password.
    entry = host_part(text) if isinstance(text, str) and "@" in text else text
    remedy = "Write a name such as api.example.com or *.example.com, or an origin such as "
    remedy += "http://localhost:4010."
    raise ScopeError(named_by, f"has {quoted(entry)}, which {problem}", remedy)


#: The default.
VONAGE = Hosts(tuple(_entry(host, "") for host in API_HOSTS), "")
