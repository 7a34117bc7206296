"""Why a server answered 401, told from what is known on this side."""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from requests import Response

from .errors import shown
from .inspection import Inspection

#: Seconds that a clock may be off before it explains a 401.
CLOCK_SLACK = 30

# A server's Date before the article of 2018 or in another century is no clock to go by.
_FIRST_YEAR, _LAST_YEAR = 2018, 2099


@dataclass(frozen=True)
class Cause:
    """What may be wrong, and what to do about it."""

    problem: str
    remedy: str


def clock_offset(response: Response, *, received: float | None = None) -> float | None:
    """Return how many seconds the server's clock is ahead of ours, None where it is untold.

    ``received``: when the response came, in Unix seconds; now by default. The ``Date`` of a
    response is in whole seconds, and as old as the way back.
    """
    try:
        date = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not _FIRST_YEAR <= date.year <= _LAST_YEAR:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return date.timestamp() - (time.time() if received is None else received)


def clock_is_off(offset: float | None, response: Response, *, by: float = 0) -> bool:
    """Tell whether ``offset`` explains a 401 for a request signed with our clock and ``by`` s."""
    slack = response.elapsed.total_seconds() + CLOCK_SLACK
    return offset is not None and abs(offset - by) > slack


def clock_news(offset: float, response: Response) -> str:
    """Return a sentence or two on the clock of the server that answered."""
    host = urlsplit(response.url).hostname
    if not clock_is_off(offset, response):
        return f"The clocks of {host} and of this machine agree again."
    return (
        f"The clock of {host} is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this "
        "machine's, so a token has to be signed with its time. Set this machine's clock right."
    )


def clock_state(offset: float | None, response: Response) -> str:
    """Return a few words on this machine's clock, by the ``offset`` that the server's has."""
    if offset is None:
        return "not known, since the server tells no time"
    if not clock_is_off(offset, response):
        return f"within {max(2, math.ceil(abs(offset)))} s"
    return f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead'}"


def summary(
    inspection: Inspection,
    response: Response,
    *,
    application_id: str,
    fingerprint: str,
    has_worked: bool,
) -> str:
    """Return one line on a 401, from what is known without reading the response's body.

    ``has_worked``: the same key and application were accepted before.
    """
    offset = clock_offset(response)
    broken = [rule for rule in inspection.rules(now=_server_time(offset)) if not rule.kept]
    clock = f"clock {clock_state(offset, response)}"
    token = f"token refused: {broken[0].reason}" if broken else "token well-formed"
    if broken:
        likely = ""
    elif has_worked:
        likely = (
            "; this key was accepted before, so most likely the token may not do this, was sent "
            "before, or the product takes another authentication"
        )
    else:
        likely = (
            f"; most likely the key ({fingerprint}) is not the one of application {application_id}"
        )
    host = urlsplit(response.url).hostname
    return f"401 from {host}: {token}, {clock}{likely}; 'nexmo-jwt check' tells more."


def causes(
    inspection: Inspection, response: Response, *, offset: float | None, fingerprint: str | None
) -> list[Cause]:
    """Return what may explain the 401 in ``response``, the likeliest first.

    ``offset`` is the clock's; ``fingerprint`` is the key's that signed, None where the token
    was signed by somebody else.
    """
    application_id = inspection.claims.get("application_id")
    found = []
    if offset is not None and clock_is_off(offset, response):
        side = "ahead of" if offset > 0 else "behind"
        found.append(
            Cause(
                f"The server's clock is {abs(offset):.0f} s {side} this machine's, so it takes a "
                "token signed now for one of another time.",
                "Set this machine's clock.",
            )
        )
    broken = [rule for rule in inspection.rules(now=_server_time(offset)) if not rule.kept]
    for rule in broken:
        future = rule.name == "iat" and "future" in rule.reason
        remedy = "Set this machine's clock." if future else "Sign a new one that keeps it."
        found.append(Cause(f"The token breaks a rule: {rule.reason}.", remedy))
    sent_before = Cause(
        "The token was sent before.", "Sign a new one for each request: a jti counts once."
    )
    detail = server_detail(response)
    well_formed = {"jti", "acl"} - {rule.name for rule in broken}
    if "jti" in detail and "jti" in well_formed:
        found.append(sent_before)
    if "acl" in detail and "acl" in well_formed:
        found.append(Cause("The token's acl does not open this.", "Sign one whose acl does."))
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
        found += [unknown, mismatch]
    else:
        found += [mismatch, unknown]
    if fingerprint is None and sent_before not in found:
        found.append(sent_before)
    found.append(
        Cause(
            "This product takes another kind of authentication.",
            "See its page in Vonage's API reference: some take Basic, with API key and secret.",
        )
    )
    return found


def server_detail(response: Response) -> str:
    """Return the server's own words in a problem of RFC 7807, empty where there are none."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail if isinstance(detail, str) else ""


def _server_time(offset: float | None) -> float:
    """Return the server's time, at the latest: its ``Date`` has dropped up to a second."""
    return time.time() + (0 if offset is None else offset + 1)


def is_uuid(text: object) -> bool:
    """Tell whether ``text`` looks like the id of an application."""
    try:
        uuid.UUID(str(text))
    except ValueError:
        return False
    return True
