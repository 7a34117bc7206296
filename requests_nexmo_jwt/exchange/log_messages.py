"""What the logger says of a refusal and of a wrong clock: one line each.

The body of the answer is not read: it is the caller's.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..redaction import unquoted
from ..token.inspection import inspect
from ..vonage.products import product_of
from .clock import TOLERANCE, is_off, server_time

if TYPE_CHECKING:
    from .signed_request import Answer


def clock_state_changed(offset: float, url: str) -> str:
    """Return a sentence or two on the clock of the server of ``url``."""
    host = urlsplit(url).hostname
    if abs(offset) <= TOLERANCE:
        return f"The clocks of {host} and of this machine agree again."
    return (
        f"The clock of {host} is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this "
        "machine's, so tokens have to be signed with its time. Correct this machine's clock."
    )


def not_sent_again(offset: float, url: str, obstacle: str) -> str:
    """Return why a request was not retried though the clock explains its refusal."""
    clock = clock_state_changed(offset, url)
    return (
        f"{clock} Not retried: {obstacle}. Within this program, the next request is signed with "
        "the server's time."
    )


def refusal(
    token: str, refused: Answer, *, application_id: str, fingerprint: str, has_worked: bool
) -> str:
    """Return one line on a refusal of ``token``.

    ``has_worked``: the same key and application were accepted before.
    """
    at = server_time(refused.headers.get("Date"), refused.headers.get("Age"))
    offset = None if at is None else at - time.time()
    broken = inspect(token).broken_by_date(time.time() if at is None else at)
    state = clock_state(offset, refused.seconds)
    line = f"{refused.status} from {urlsplit(refused.url).hostname}: "
    if broken:
        line += f"token refused: {broken[0].reason}, clock {state}"
    else:
        reason = _reason(token, refused, application_id, fingerprint, has_worked)
        line += f"token well-formed, clock {state}; {reason}"
    # 'check' signs a token of its own, whose acl permits everything.
    may_check = inspect(token).opens(refused.method, urlsplit(refused.url).path) is not False
    hint = "; run 'nexmo-jwt check' for details" if may_check and program("nexmo-jwt") else ""
    return f"{line}{hint}."


def _reason(
    token: str, refused: Answer, application_id: str, fingerprint: str, has_worked: bool
) -> str:
    """Return what may explain the refusal of a token that keeps the rules."""
    product = product_of(refused.url)
    path = urlsplit(refused.url).path or "/"
    if product and not product.takes_jwt:
        return f"the token is not the problem: {product.instead}"
    if inspect(token).opens(refused.method, path) is False:
        return f"the token's acl does not permit {refused.method} {unquoted(path)}"
    money = " or the account has no money" if product and product.dialect == "verify" else ""
    if not has_worked:
        key = f"the key ({fingerprint}) does not belong to application {application_id}"
        return f"perhaps {key}{money and ','}{money}"
    reason = (
        "this key was accepted before, so perhaps it was replaced or revoked since, or the token "
        "may not do this"
    )
    return reason if product else f"{reason}, or the product takes another authentication"


def clock_state(offset: float | None, elapsed: float) -> str:
    """Return a few words on this machine's clock; the server's is ``offset`` seconds ahead of it.

    ``elapsed`` is how many seconds the answer took.
    """
    if offset is None:
        return "not known: the response has no usable Date"
    if not is_off(offset, elapsed):
        return f"within {max(2, math.ceil(abs(offset)))} s"
    return f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead'}"


def program(name: str) -> str | None:
    """Return the path of a program that was installed beside this Python, or is on the PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)
