"""Why a token was refused, or no answer came, judged from what is known on this side."""

from __future__ import annotations

import math
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import Response

from .claims import acl_opens
from .clock import TOLERANCE, server_time
from .inspection import Inspection, Rule, inspect
from .keys import Key
from .redaction import shown
from .scope import origin_of

#: Seconds that a clock may be off before it is the first thing to suspect.
CLOCK_SLACK = 30

#: Seconds that a request waits for the connection, and for each piece of the answer.
TIMEOUT = 20

_BROKEN_ANSWER = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


@dataclass(frozen=True)
class Cause:
    """What may be wrong, and what to do about it."""

    problem: str
    remedy: str


# ---- Sentences for the log -------------------------------------------------------------------


def clock_news(offset: float, response: Response) -> str:
    """Return a sentence or two on the clock of the server that answered."""
    host = urlsplit(response.url).hostname
    if abs(offset) <= TOLERANCE:
        return f"The clocks of {host} and of this machine agree again."
    return (
        f"The clock of {host} is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this "
        "machine's, so a token has to be signed with its time. Set this machine's clock right."
    )


def not_sent_again(offset: float, response: Response, obstacle: str) -> str:
    """Say why a refusal that the clock explains was not answered by one more try."""
    return (
        f"{clock_news(offset, response)} {obstacle}, so the request that was refused was not sent "
        "again; the next request of this auth object is signed with that time."
    )


def summary(
    token: str, response: Response, *, application_id: str, fingerprint: str, has_worked: bool
) -> str:
    """Return one line on a refusal of ``token``, without reading the body of the response.

    ``has_worked``: the same key and application were accepted before.
    """
    offset = clock_offset(response)
    inspection = inspect(token)
    broken = inspection.broken(now=_server_time(offset))
    parts = [
        f"token refused: {broken[0].reason}" if broken else "token well-formed",
        f"clock {clock_state(offset, response)}",
    ]
    line = f"{response.status_code} from {urlsplit(response.url).hostname}: {', '.join(parts)}"
    path, method = urlsplit(response.url).path or "/", str(response.request.method)
    acl = inspection.claims.get("acl")
    if not broken and acl and not acl_opens(acl, method, path):
        line += f"; the token's acl does not open {method} {shown(path)[1:-1]}"
    elif not broken and has_worked:
        line += (
            "; this key was accepted before, so most likely it was replaced or revoked since, the "
            "token may not do this, or the product takes another authentication"
        )
    elif not broken:
        line += (
            f"; most likely the key ({fingerprint}) is not the one of application {application_id}"
        )
    again = len(getattr(getattr(response.raw, "retries", None), "history", ()))
    if again:
        line += f"; urllib3 sent the request, token included, {again + 1} times"
    return f"{line}; run 'nexmo-jwt check' for details." if _has_command() else f"{line}."


def _has_command() -> bool:
    beside = Path(sys.executable).with_name("nexmo-jwt")
    return beside.exists() or shutil.which("nexmo-jwt") is not None


# ---- What `nexmo-jwt check` asks -------------------------------------------------------------


def clock_state(offset: float | None, response: Response) -> str:
    """Return a few words on this machine's clock, by the ``offset`` that the server's has."""
    if offset is None:
        return "not known, since the server tells no time"
    if not _is_off(offset, response):
        return f"within {max(2, math.ceil(abs(offset)))} s"
    return f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead'}"


def causes(
    inspection: Inspection, response: Response, *, offset: float | None, fingerprint: str | None
) -> list[Cause]:
    """Return what may explain the 401 in ``response``, the likeliest first.

    ``offset`` is the clock's; ``fingerprint`` is the key's that signed, None where the token
    was signed by somebody else.
    """
    detail = server_detail(response)
    broken = inspection.broken(now=_server_time(offset))
    well_formed = {"jti", "acl"} - {rule.name for rule in broken}
    found = [*_clock_cause(offset, response), *map(_rule_cause, broken)]
    if "jti" in detail and "jti" in well_formed:
        found.append(_SENT_BEFORE)
    if "acl" in detail and "acl" in well_formed:
        found.append(Cause("The token's acl does not open this.", "Sign one whose acl does."))
    found += _application_causes(inspection, detail, fingerprint)
    if fingerprint is None and _SENT_BEFORE not in found:
        found.append(_SENT_BEFORE)
    return [*found, _OTHER_AUTHENTICATION]


_SENT_BEFORE = Cause("The token was sent before.", "Sign a new one for each request.")

_OTHER_AUTHENTICATION = Cause(
    "This product takes another kind of authentication.",
    "See its page in Vonage's API reference: some take Basic, with API key and secret.",
)


def _clock_cause(offset: float | None, response: Response) -> Iterator[Cause]:
    if offset is not None and _is_off(offset, response):
        side = "ahead of" if offset > 0 else "behind"
        yield Cause(
            f"The server's clock is {abs(offset):.0f} s {side} this machine's, so it takes a "
            "token signed now for one of another time.",
            "Set this machine's clock.",
        )


def _rule_cause(rule: Rule) -> Cause:
    is_early = (rule.name, rule.code) == ("iat", "future")
    remedy = "Set this machine's clock." if is_early else "Sign a new one that keeps it."
    return Cause(f"The token breaks a rule: {rule.reason}.", remedy)


def _application_causes(
    inspection: Inspection, detail: str, fingerprint: str | None
) -> list[Cause]:
    application_id = inspection.claims.get("application_id")
    unknown = Cause(
        f"There is no application {shown(application_id)}, or not in this account.",
        "Compare the id with the Vonage dashboard, under Applications. An API key is no id.",
    )
    mismatch = Cause(
        f"The key {fingerprint or 'that signed'} does not belong to application "
        f"{shown(application_id)}.",
        "Compare the public key that 'nexmo-jwt check --public-key' prints with the one in the "
        "Vonage dashboard; if they differ, save this one there, or use the other key.",
    )
    if "application_id" in detail or not is_uuid(application_id):
        return [unknown, mismatch]
    return [mismatch, unknown]


def server_detail(response: Response) -> str:
    """Return the server's own words in a problem of RFC 7807, empty where there are none."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail if isinstance(detail, str) else ""


def is_uuid(text: object) -> bool:
    """Tell whether ``text`` looks like the id of an application."""
    try:
        uuid.UUID(str(text))
    except ValueError:
        return False
    return True


def verdict(status: int) -> tuple[bool, str]:
    """Return whether a status other than 401 speaks well of the token, and a sentence on it."""
    if 300 <= status < 400:
        return False, "not judged: the server redirects; give --url the place that it leads to"
    if status == 403:
        return False, "understood, but not allowed to do this: look at its acl, and the account"
    if status >= 500:
        return False, "not judged: the server is in trouble; try again later"
    if status >= 400:
        return True, f"accepted: {status} is about the request, not about the token"
    return True, "accepted"


def signature_verdict(
    inspection: Inspection, application_id: str | None, key: Key
) -> tuple[bool, str]:
    """Return whether ``key``, of ``application_id``, signed the token, and a sentence on it."""
    if inspection.is_signed_by(key.current().private.public_key()):
        return True, f"is by the key at hand, {key.fingerprint}"
    verdict = f"is not by the key at hand, {key.fingerprint}"
    theirs = inspection.claims.get("application_id")
    if application_id and application_id != theirs:
        verdict += (
            f"; that is the key of application {shown(application_id)}, not of {shown(theirs)}"
        )
    return False, verdict


def network_problem(error: Exception, url: str) -> str:
    """Say in a sentence why no answer came."""
    origin = origin_of(url)
    host = origin.host if origin else url
    if isinstance(error, requests.ReadTimeout):
        return f"no answer within {TIMEOUT} s."
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"TLS with {host} failed: its certificate is not trusted here, or something stands "
            "between. Behind a company's proxy, set REQUESTS_CA_BUNDLE to its certificate."
        )
    if isinstance(error, requests.exceptions.InvalidURL):  # not shown: it may have a password
        return "the proxy's address cannot be read. See HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer, or refuses. See HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"{host} does not answer within {TIMEOUT} s. Is a firewall in between?"
    reasons = list(_chain(error))
    if any(isinstance(reason, socket.gaierror) for reason in reasons):
        return f"the name {host} is not found. Is this machine online, and its DNS right?"
    if any(isinstance(reason, ConnectionRefusedError) for reason in reasons):
        return f"{origin} refuses connections. Does the server run, on this port?"
    if isinstance(error, requests.ConnectionError):
        return f"the connection to {host} broke before an answer came. Try again."
    if not isinstance(error, OSError):
        return f"{host} redirects to what is no URL."
    if isinstance(error, _BROKEN_ANSWER):
        return f"{host} answered with what is no whole HTTP answer ({type(error).__name__})."
    return f"the request cannot be made: {error}"


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


def clock_offset(response: Response, *, received: float | None = None) -> float | None:
    """Return how many seconds the server is ahead by its ``Date``, None where it has none.

    ``received``: when the answer came, in Unix seconds; now by default.
    """
    at = server_time(response.headers.get("Date"), response.headers.get("Age"))
    if at is None:
        return None
    return at - (time.time() if received is None else received)


def _is_off(offset: float, response: Response) -> bool:
    """Tell whether ``offset`` is more than the time that the answer took, and some slack."""
    return abs(offset) > response.elapsed.total_seconds() + CLOCK_SLACK


def _server_time(offset: float | None) -> float:
    """Return the server's time, at the latest: its ``Date`` has dropped up to a second."""
    return time.time() + (0 if offset is None else offset + 1)
