"""Make one request, within limits of time and size, and describe the answer."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Response
from requests.utils import get_environ_proxies, select_proxy

from ..errors import NexmoJWTError
from ..exchange.clock import server_time
from ..url import origin_of
from ..vonage import dialects
from ..vonage.dialects import Reading
from ..vonage.products import OPEN, product_of, refuses

_MAX_ANSWER_BYTES = 1 << 16
_NOTHING_READ = Reading(dialects.UNKNOWN, "", None)
_PROXY_VARIABLES = "See HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."
_SECRET_PARAMETER = re.compile(
    r"([?&;#][^=&;#]*(?:secret|sig|token|password|key)[^=&;#]*=)[^&;#]+", re.IGNORECASE
)


class Trouble(NamedTuple):
    """Why there was no answer, and what to do."""

    problem: str
    remedy: str


@dataclass(frozen=True)
class Reply:
    """The answer to ``GET url``.

    ``status`` is None if there was no answer; ``trouble`` then says why. ``offset`` is how many
    seconds the server's clock is ahead, or None if the answer has no ``Date``. ``server_time`` is
    the server's time, or this machine's if the answer has no ``Date``. ``elapsed`` is how many
    seconds the answer took, ``region`` the one that answered. ``first_status`` is the status of the
    refusal after which the request was sent again with the server's time, or None. ``token`` is the
    one that was sent first.
    """

    url: str
    trouble: Trouble | None = None
    status: int | None = None
    reason: str = ""
    reading: Reading = _NOTHING_READ
    body: bytes = b""
    location: str = ""
    region: str = ""
    offset: float | None = None
    server_time: float = 0
    elapsed: float = 0
    first_status: int | None = None
    token: str = field(default="", repr=False)

    @property
    def verdict(self) -> str:
        """``accepted`` or ``refused``, or ``unclear`` if the answer says nothing of the token.

        A 403 or 404 can come before any authentication, a 401 from an account without money.
        """
        if self.status is None:
            return "unclear"
        product = product_of(self.url)
        takes_no_token = product is not None and not product.takes_jwt
        if self.status < 300 and (takes_no_token or self.is_open):
            return "unclear"  # the SMS API refuses with 200
        if (
            self.status < 300
            or self.status in (402, 422)
            or (self.status == 405 and self.body.strip())
            or (self.status < 500 and self.reading.code == dialects.NO_MONEY)
        ):
            return "accepted"
        names_token = self.reading.code in (dialects.EXPIRED, dialects.INVALID, dialects.MISSING)
        is_refused = refuses(self.status, self.url) or (self.status == 403 and names_token)
        return "refused" if is_refused else "unclear"

    @property
    def is_open(self) -> bool:
        """Whether the path is answered without any authentication."""
        return OPEN.fullmatch(urlsplit(self.url).path) is not None


def without_secrets(url: str) -> str:
    """Return ``url`` for a message, without the values of parameters that may be secrets."""
    return _SECRET_PARAMETER.sub(r"\1...", url)


class _Session(requests.Session):
    def get_redirect_target(self, resp: Response) -> None:
        """Return None: to prepare the next hop, requests would read the whole body."""


def ask(url: str, auth: Callable[[PreparedRequest], PreparedRequest], *, timeout: float) -> Reply:
    """Make the request without following redirects, and wait ``timeout`` seconds for its answer.

    Raises what ``auth`` raises.
    """
    sent: list[str] = []

    def signed(request: PreparedRequest) -> PreparedRequest:
        auth(request)
        scheme, _, token = str(request.headers["Authorization"]).partition(" ")
        sent.append(token if scheme == "Bearer" else "")  # not an API key and secret
        return request

    started = time.time()
    try:
        with _Session() as session:
            response = session.get(url, auth=signed, timeout=timeout, stream=True)
            body = _beginning(response, timeout)
    except NexmoJWTError:
        raise
    except (OSError, ValueError) as error:  # those of requests, or a missing CA bundle
        return Reply(url, _network_trouble(error, url, timeout))
    first = response.history[0] if response.history else response
    elapsed = first.elapsed.total_seconds()
    answered = started + elapsed
    at = server_time(first.headers.get("Date"), first.headers.get("Age"))
    return Reply(
        url,
        status=response.status_code,
        reason=dialects.line(str(response.reason)),
        reading=dialects.read(body, response.headers),
        body=body,
        location=_target(url, response.headers.get("Location")),
        region=dialects.line(response.headers.get("x-vonage-region", ""))[:40],
        offset=None if at is None else at - answered,
        server_time=answered if at is None else at,
        elapsed=elapsed,
        first_status=None if first is response else first.status_code,
        token=sent[0],
    )


def _beginning(response: Response, seconds: float) -> bytes:
    """Return the part of the body that arrives within ``seconds``, up to the limit.

    It is read byte by byte: a larger read would wait for all of its bytes.
    """
    body, deadline = bytearray(), time.monotonic() + seconds
    with suppress(OSError):  # if the answer breaks, its beginning still counts
        for byte in response.iter_content(1):
            body += byte
            if len(body) >= _MAX_ANSWER_BYTES or time.monotonic() > deadline:
                break
    return bytes(body[:_MAX_ANSWER_BYTES])


def _target(url: str, location: str | None) -> str:
    """Return the target of a redirect, or an empty string if it is not a URL."""
    try:
        target = urljoin(url, location) if location else ""
    except ValueError:
        return ""
    return dialects.line(target) if origin_of(target) else ""


def _network_trouble(error: Exception, url: str, timeout: float) -> Trouble:
    origin, reasons = origin_of(url), list(_reasons(error))
    host = origin.host if origin else url
    is_refused = any(isinstance(reason, ConnectionRefusedError) for reason in reasons)
    if isinstance(error, requests.ReadTimeout):
        problem = f"There was no complete answer within {timeout:g} s."
        return Trouble(problem, "Try again, or give a longer --timeout.")
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_trouble(host, reasons)
    if isinstance(error, requests.exceptions.InvalidURL):  # not shown: it may contain a password
        return Trouble("The proxy's address cannot be read.", _PROXY_VARIABLES)
    if isinstance(error, requests.exceptions.ProxyError):
        return Trouble("The proxy does not answer, or refuses.", _PROXY_VARIABLES)
    if is_refused and select_proxy(url, get_environ_proxies(url)):
        return Trouble("The proxy refuses connections.", _PROXY_VARIABLES)
    if is_refused:
        remedy = "Check that the server runs, and on this port."
        return Trouble(f"{origin} refuses connections.", remedy)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        problem = f"{host} does not answer within {timeout:g} s."
        return Trouble(problem, "Look for a firewall in between.")
    if any(isinstance(reason, socket.gaierror) for reason in reasons):
        problem = f"The host name {host} could not be resolved."
        return Trouble(problem, "Check the name, the network connection and DNS.")
    if isinstance(error, requests.ConnectionError):
        return Trouble(f"The connection to {host} broke before a whole answer came.", "Try again.")
    text = dialects.line(str(error))
    return Trouble(f"The request or its answer is not valid: {text}", "Correct what it names.")


def _tls_trouble(host: str, reasons: list[object]) -> Trouble:
    if any(isinstance(reason, ssl.SSLCertVerificationError) for reason in reasons):
        why = "its certificate is not trusted here, or something stands between"
        remedy = "Behind a company's proxy, set REQUESTS_CA_BUNDLE to its certificate."
        return Trouble(f"TLS with {host} failed: {why}.", remedy)
    names = {str(reason.reason) for reason in reasons if isinstance(reason, ssl.SSLError)}
    # Releases of OpenSSL have different names for an answer in plain text.
    if names & {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
        problem = f"{host} does not speak TLS at this port."
        return Trouble(problem, "If it speaks plain http, write http:// in --url.")
    reason = ", ".join(sorted(names)) or "no reason given"
    return Trouble(f"TLS with {host} failed ({reason}).", "Look at the server's TLS settings.")


def _reasons(error: Any) -> Iterator[object]:
    """Yield ``error`` and its causes, which urllib3 keeps in ``args`` and ``reason``."""
    seen: list[object] = []
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and current not in seen:
            seen.append(current)
            waiting += [*current.args, current.__cause__, current.__context__]
            waiting.append(getattr(current, "reason", None))
            yield current
