"""One request that is made to learn from its answer, within bounds of time and size."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.utils import get_environ_proxies, select_proxy

from ..errors import NexmoJWTError
from ..exchange.clock import server_time
from ..url import origin_of
from ..vonage import dialects
from ..vonage.dialects import Reading
from ..vonage.products import product_of, refuses

_MAX_ANSWER_BYTES = 1 << 16


class Trouble(NamedTuple):
    """Why no answer came, and what to do."""

    problem: str
    remedy: str


# What OpenSSL's releases call an answer in plain text.
_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}


_NOTHING_READ = Reading(dialects.UNKNOWN, "", None)


@dataclass(frozen=True)
class Reply:
    """What came back for ``GET url``.

    ``status`` is None where no answer came; ``trouble`` then says why. ``offset`` is how many
    seconds the server's clock is ahead by its ``Date``, None where it has none, and
    ``server_time`` its time then, this machine's where it has none. ``elapsed`` is how long the
    answer took. Where a first token was refused and one with the server's time was sent,
    ``first_status`` is the status of that refusal. ``token`` is the one that was sent first.
    """

    url: str
    trouble: Trouble | None = None
    status: int | None = None
    reason: str = ""
    reading: Reading = _NOTHING_READ
    body: bytes = b""
    location: str = ""
    offset: float | None = None
    server_time: float = 0
    elapsed: float = 0
    first_status: int | None = None
    token: str = field(default="", repr=False)

    @property
    def verdict(self) -> str:
        """What the answer says of the token: ``accepted``, ``refused``, or nothing: ``unclear``.

        A 403 or 404 can come before any authentication, a 401 from an account without money.
        """
        if self.status is None:
            return "unclear"
        product = product_of(self.url)
        if self.status < 300 and product and not product.takes_jwt:
            return "unclear"  # the SMS API refuses with 200
        is_past_it = self.status < 300 or self.status in (402, 422)
        if is_past_it or (self.status < 500 and self.reading.code == dialects.NO_MONEY):
            return "accepted"
        if self.status == 405 and self.body.strip():
            return "accepted"
        return "refused" if refuses(self.status, self.url) else "unclear"


def ask(url: str, auth: AuthBase, *, timeout: float) -> Reply:
    """Make the request; ``timeout`` is in seconds, for all of it.

    Redirects are not followed. Raises what ``auth`` raises.
    """
    replies: list[Reply | Exception] = []

    def make() -> None:
        try:
            replies.append(_made(url, auth, timeout))
        except Exception as error:  # raised again below, where a caller sees it
            replies.append(error)

    # requests' own timeout starts again with each byte that arrives.
    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    thread.join(timeout + 1)
    reply = replies[0] if replies else Reply(url, _too_late(timeout))
    if isinstance(reply, Exception):
        raise reply
    return reply


class _Session(requests.Session):
    def get_redirect_target(self, resp: Response) -> None:
        """Return none: requests would read the whole body of a redirect for the next hop."""


def _made(url: str, auth: AuthBase, timeout: float) -> Reply:
    sent: list[str] = []

    def signed(request: PreparedRequest) -> PreparedRequest:
        auth(request)
        scheme, _, token = str(request.headers["Authorization"]).partition(" ")
        sent.append(token if scheme == "Bearer" else "")  # not an API key and secret
        return request

    started = time.time()
    with _Session() as session:
        try:
            response = session.get(url, auth=signed, timeout=timeout, stream=True)
            body = _beginning(response, _MAX_ANSWER_BYTES, timeout)
        except NexmoJWTError:
            raise
        except (OSError, ValueError) as error:  # requests' own, a CA bundle that is missing
            return Reply(url, network_trouble(error, url, timeout))
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
        offset=None if at is None else at - answered,
        server_time=answered if at is None else at,
        elapsed=elapsed,
        first_status=None if first is response else first.status_code,
        token=sent[0],
    )


def _beginning(response: Response, limit: int, seconds: float) -> bytes:
    """Return the first ``limit`` bytes of a streamed answer, or what came within ``seconds``.

    What arrived before an answer breaks counts. The time is checked when a byte arrives, so one
    byte is read at a time: a larger read would wait for all of its bytes.
    """
    body, deadline = bytearray(), time.monotonic() + seconds
    with suppress(OSError):  # a RequestException is one, niquests' too
        for byte in response.iter_content(1):
            body += byte
            if len(body) >= limit or time.monotonic() > deadline:
                break
    return bytes(body[:limit])


def _target(url: str, location: str | None) -> str:
    """Return where a redirect leads, empty where that is not a URL."""
    try:
        target = urljoin(url, location) if location else ""
    except ValueError:
        return ""
    return dialects.line(target) if origin_of(target) else ""


def network_trouble(error: Exception, url: str, timeout: float) -> Trouble:
    """Say in a sentence why no answer came, and in another what to do."""
    origin = origin_of(url)
    host = origin.host if origin else url
    reasons = list(_chain(error))
    if isinstance(error, requests.ReadTimeout):
        return _too_late(timeout)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_trouble(host, reasons)
    if isinstance(error, requests.exceptions.InvalidURL):  # redacted: it may contain a password
        return Trouble("The proxy's address cannot be read.", _PROXY_VARIABLES)
    if isinstance(error, requests.exceptions.ProxyError):
        return Trouble("The proxy does not answer, or refuses.", _PROXY_VARIABLES)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        problem = f"{host} does not answer within {timeout:g} s."
        return Trouble(problem, "Look for a firewall in between.")
    if any(isinstance(reason, socket.gaierror) for reason in reasons):
        problem = f"The host name {host} could not be resolved."
        return Trouble(problem, "Check the name, the network connection and DNS.")
    is_refused = any(isinstance(reason, ConnectionRefusedError) for reason in reasons)
    if is_refused and select_proxy(url, get_environ_proxies(url)):
        return Trouble("The proxy refuses connections.", _PROXY_VARIABLES)
    if is_refused:
        problem = f"{origin} refuses connections."
        return Trouble(problem, "Check that the server runs, and on this port.")
    if isinstance(error, requests.ConnectionError):
        return Trouble(f"The connection to {host} broke before a whole answer came.", "Try again.")
    said = dialects.line(str(error))
    return Trouble(f"The request or its answer is not valid: {said}", "Correct what it names.")


_PROXY_VARIABLES = "See HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."


def _too_late(timeout: float) -> Trouble:
    remedy = "Try again, or give a longer --timeout."
    return Trouble(f"There was no complete answer within {timeout:g} s.", remedy)


def _tls_trouble(host: str, reasons: list[object]) -> Trouble:
    if any(isinstance(reason, ssl.SSLCertVerificationError) for reason in reasons):
        return Trouble(
            f"TLS with {host} failed: its certificate is not trusted here, or something stands "
            "between.",
            "Behind a company's proxy, set REQUESTS_CA_BUNDLE to its certificate.",
        )
    names = {str(reason.reason) for reason in reasons if isinstance(reason, ssl.SSLError)}
    if names & _NOT_TLS:
        problem = f"{host} does not speak TLS at this port."
        return Trouble(problem, "If it speaks plain http, write http:// in --url.")
    reason = ", ".join(sorted(names)) or "no reason given"
    return Trouble(f"TLS with {host} failed ({reason}).", "Look at the server's TLS settings.")


def _chain(error: Any) -> Iterator[object]:
    """Yield ``error`` and what is behind it; urllib3 keeps that in arguments and ``reason``."""
    seen: list[object] = []
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and current not in seen:
            seen.append(current)
            waiting += [*current.args, current.__cause__, current.__context__]
            waiting.append(getattr(current, "reason", None))
            yield current
