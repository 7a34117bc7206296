"""Which origins may receive a token: Vonage's APIs over TLS, and loopback."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import ScopeError
from .redaction import may_hold_key_text, quoted
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
from .vonage import API_HOST, API_HOSTS, DOMAINS

#: Names the hosts, separated by commas, if ``hosts=`` is not passed.
HOSTS_VARIABLE = "NEXMO_JWT_HOSTS"

_ENTRY = re.compile(
    r"((?P<scheme>https?)://)?(?P<host>\[[^\]]*\]|[^/:\[\]]+)(:(?P<port>[0-9]{1,5}))?/?"
)


class Scope:
    """The origins that may receive a token.

    ``hosts`` and ``elsewhere`` are those of ``NexmoJWT``. A ``*`` in a host matches a single label
    or a part of it. Raises ``ScopeError`` if an entry or ``elsewhere`` is invalid.
    """

    def __init__(self, hosts: Iterable[str] | None = None, elsewhere: str = "refuse") -> None:
        if elsewhere not in ("refuse", "unsigned"):
            problem, remedy = f"is {quoted(elsewhere)}", "Give 'refuse' or 'unsigned'."
            raise ScopeError("elsewhere", problem, remedy)
        self.is_unsigned_elsewhere: bool = elsewhere == "unsigned"
        self._named_by = "hosts"
        if hosts is None:
            hosts, self._named_by = _in_the_environment(), HOSTS_VARIABLE
        elif isinstance(hosts, (str, bytes)) or not isinstance(hosts, Iterable):
            problem = f"is of type {type(hosts).__name__}"
            raise ScopeError("hosts", problem, "Give a list of hosts or origins.")
        self._is_default = hosts is None
        self._entries = (
            _VONAGE if hosts is None else tuple(_entry(entry, self._named_by) for entry in hosts)
        )

    def origin_for(
        self, url: str, would_proxy: Callable[[str], bool] = requests_would_proxy
    ) -> Origin | None:
        """Return the origin of a request for ``url``, or None if it goes elsewhere, unsigned.

        Raises ``ScopeError`` if it is refused. ``would_proxy`` returns whether the client would
        send it to a proxy, in clear text.
        """
        if self.is_unsigned_elsewhere:
            if _scheme(url) not in _CARRYING:
                return None
            origin = _read(url)
            if not self._includes(origin) and not self._wants_tls(origin):
                return None
        return self.required_origin(url, would_proxy)

    def required_origin(
        self, url: str, would_proxy: Callable[[str], bool] = requests_would_proxy
    ) -> Origin:
        """Return the origin of a request for ``url``, which has to carry a token.

        Raises ``ScopeError`` if it may not.
        """
        origin = _read(url)
        if not self._includes(origin):
            raise self._refusal(origin, url)
        if origin.scheme == "http" and would_proxy(url):
            raise ScopeError(
                str(origin),
                "would go through the proxy that the environment names (HTTP_PROXY, ALL_PROXY), "
                "which would see the token in clear text",
                f"Add the host to NO_PROXY: NO_PROXY={origin.host}.",
                host=origin.host,
            )
        return origin

    @property
    def first_origin(self) -> Origin:
        """The first origin that is configured by its whole name; by default Vonage's."""
        whole = (entry for entry in self._entries if "*" not in entry.host)
        first = next(whole, _Entry("https", API_HOST, 443))
        return Origin(first.scheme, first.host, first.port)

    def lists(self, origin: Origin) -> bool:
        """Return whether ``origin`` was configured, or is Vonage's: more than any loopback."""
        return any(entry.covers(origin) for entry in self._entries)

    def _includes(self, origin: Origin) -> bool:
        is_open = self._is_default and not self.is_unsigned_elsewhere
        return self.lists(origin) or (is_open and origin.is_loopback)

    def _wants_tls(self, origin: Origin) -> bool:
        """Return whether ``origin`` would be in scope except for its clear text."""
        named = (entry for entry in self._entries if host_matches(entry.host, origin.host))
        return origin.scheme == "http" and any(entry.scheme == "https" for entry in named)

    def _refusal(self, origin: Origin, url: str) -> ScopeError:
        from .vonage.products import product_at  # only if a request is refused

        product = product_at(urlsplit(url).path, origin.host)
        is_vonages = f".{origin.host}".endswith(DOMAINS)
        # What the remedy allows: never clear text to Vonage.
        is_clear = is_vonages and origin.scheme == "http"
        allowed = Origin("https", origin.host, 443) if is_clear else origin
        subject, code = str(origin), "scope"
        if product and not product.takes_jwt:
            in_tls = ", over https://" if origin.scheme == "http" else ""
            problem = f"does not accept a token: {product.instead}{in_tls}"
            remedy = "Send the request without this token."
            if product.takes_key_and_secret:
                remedy, code = "Pass auth=(KEY, SECRET) instead.", "takes-basic"
        elif is_websocket(url) and self._wants_tls(origin):
            subject, problem = quoted(host_part(url)), "would send the token in clear text"
            remedy = "Write wss:// instead of ws://."
        elif self._wants_tls(origin) and not origin.is_loopback:
            problem, code = "would send the token in clear text", "clear-text"
            remedy = "Write https:// instead of http://."
        elif self._named_by == HOSTS_VARIABLE and not self._is_default:
            listed = ", ".join(map(str, self._entries))
            problem = f"may not receive a token: {HOSTS_VARIABLE} names only {listed}"
            remedy, code = f"Unset {HOSTS_VARIABLE}, or add {allowed} to it.", "hosts-variable"
        else:
            whose = "Vonage's API origins" if self._is_default else "the configured hosts"
            problem, code = f"is not one of {whose}, so it may not receive a token", "not-in-scope"
            remedy = (
                f'To allow it, pass hosts=["{allowed}"]. To send requests to other hosts without a '
                'token, pass elsewhere="unsigned".'
            )
        return ScopeError(subject, problem, remedy, code, host=origin.host, allowed=allowed)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented
        return vars(self) == vars(other)


def _in_the_environment() -> list[str] | None:
    if may_hold_key_text(os.environ.get(HOSTS_VARIABLE, "")):
        problem, remedy = "contains a private key (redacted)", "List hosts there, or unset it."
        raise ScopeError(HOSTS_VARIABLE, problem, remedy)
    entries = os.environ.get(HOSTS_VARIABLE, "").split(",")
    return [entry.strip() for entry in entries if entry.strip()] or None


# The schemes that can carry a token; what has none is no whole URL.
_CARRYING = ("", "http", "https", "ws", "wss")


def _read(url: str) -> Origin:
    origin = origin_of(url)
    if origin is None:
        scheme = _scheme(url)
        has_host = re.match(r"(https?|wss?):/?/?[^/?#]", url, re.IGNORECASE)
        problem = "is refused: its host is ambiguous" if has_host else "is not a whole URL"
        if has_host and "@" in re.split("[/?#]", url.partition("//")[2])[0]:
            problem = "is refused: it has a user name, or a host that looks like one"
        if scheme not in _CARRYING:
            problem = f"cannot carry a token: {quoted(scheme)} is not http or https"
        # What stands before an "@" may be a password, and a query may have a secret.
        may_hold_password = has_host or "@" in url or re.match("[^/]*:[^/]", url)
        typed = host_part(url) if may_hold_password else re.split("[?#]", url)[0]
        remedy = "Write https:// and a plain host name, without a user name."
        raise ScopeError(quoted(typed), problem, remedy)
    return origin


def _scheme(url: str) -> str:
    match = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    return match[1].lower() if match else ""


class _Entry(NamedTuple):
    scheme: str
    host: str  # with at most one "*"
    port: int

    def __str__(self) -> str:
        return str(Origin(*self))

    def covers(self, origin: Origin) -> bool:
        is_alike = (self.scheme, self.port) == (origin.scheme, origin.port)
        return is_alike and host_matches(self.host, origin.host)


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
    # What stands before an "@" may be a password.
    entry = host_part(text) if isinstance(text, str) and "@" in text else text
    raise ScopeError(
        named_by,
        f"has {quoted(entry)}, which {problem}",
        "Write a name such as api.example.com or *.example.com, or an origin such as "
        "http://localhost:4010.",
    )


_VONAGE = tuple(_entry(host, "") for host in API_HOSTS)
