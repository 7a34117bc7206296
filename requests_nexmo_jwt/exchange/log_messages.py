"""What the logger says of a refusal and of a wrong clock: one line each.

The body of the answer is not read: it is the caller's.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from urllib.parse import urlsplit

from ..redaction import unquoted
from ..token.inspection import inspect
from ..token.signer import Token
from ..url import Origin
from ..vonage.identifiers import is_application_id, shown_id
from ..vonage.products import product_of
from . import Answer
from .clock import TOLERANCE, is_off, server_time


def clock_state_changed(offset: float, url: str) -> str:
    """Return a sentence or two on the clock of the server of ``url``."""
    host = urlsplit(url).hostname
    if abs(offset) <= TOLERANCE:
        return f"The clocks of {host} and of this machine agree again."
    return (
        f"The clock of {host} is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this "
        "machine's, so tokens have to be signed with its time. Correct this machine's clock."
    )


def lost_token(answer: Answer, origin: Origin, *, is_replaced: bool) -> str:
    """Return why an answer refuses a request that no longer carried the token for ``origin``."""
    host = urlsplit(answer.url).hostname
    if is_replaced:
        return (
            f"{answer.status} from {host}: the token was replaced on the way, probably by an entry "
            "for this host in ~/.netrc. Remove the entry, or set NETRC=/dev/null."
        )
    return (
        f"{answer.status} from {host}: a redirect led there from {origin}, and a token is not sent "
        "to another origin. Request the target of the redirect itself."
    )


def lacks_permission(token: str, answer: Answer) -> bool:
    """Return whether the token's acl does not permit the request that was answered."""
    return inspect(token).opens(answer.method, urlsplit(answer.url).path or "/") is False


def refusal(token: Token, refused: Answer, *, has_worked: bool) -> str:
    """Return one line on a refusal of ``token``: the likeliest cause, by what is known here.

    ``has_worked``: the same key and application were accepted before.
    """
    at = server_time(refused.headers.get("Date"), refused.headers.get("Age"))
    state = clock_state(None if at is None else at - time.time(), refused.seconds)
    now = time.time() if at is None else at
    cause, is_about_token = _cause(token, refused, now, has_worked)
    # 'check' signs a token of its own, whose acl permits everything.
    hint = "; run 'nexmo-jwt check' for details" if is_about_token and program("nexmo-jwt") else ""
    return f"{refused.status} from {urlsplit(refused.url).hostname}: {cause}; clock {state}{hint}."


def _cause(token: Token, refused: Answer, now: float, has_worked: bool) -> tuple[str, bool]:
    """Return the likeliest cause, and whether ``check`` could say more."""
    inspection, product = inspect(token.text), product_of(refused.url)
    application_id, path = inspection.claims["application_id"], urlsplit(refused.url).path or "/"
    if not is_application_id(application_id):
        which = f"application id {shown_id(application_id)}"
        return f"{which} is not a UUID, so it is probably not an application's", True
    if product and not product.takes_jwt:
        return f"the token is not the problem: {product.instead}", True
    objection = product.objection(inspection.claims) if product else None
    if objection:
        return objection[1], False
    if inspection.opens(refused.method, path) is False:
        return f"the token's acl does not permit {refused.method} {unquoted(path)}", False
    broken = inspection.broken_by_date(now)
    if broken:
        return f"token refused: {broken[0].reason}", True
    if "nbf" in inspection.claims:
        return "the token has an nbf, and Nexmo was seen to refuse such a token; leave it out", True
    if has_worked:
        reason = (
            "this key was accepted before, so perhaps it was replaced or revoked since, or the "
            "token may not do this"
        )
        other = "" if product else ", or the product takes another authentication"
        return f"{reason}{other}", True
    key = f"the key ({token.fingerprint}) does not belong to application {application_id}"
    money = ", or the account has no money" if product and product.dialect == "verify" else ""
    return f"token well-formed; perhaps {key}{money}", True


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
    beside = os.path.dirname(sys.executable or "")  # none in an embedded interpreter
    return shutil.which(name, path=beside) or shutil.which(name)
