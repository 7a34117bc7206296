"""The causes that may explain an answer, each with a code and a certainty.

Causes that an answer disproved are left out. A certain cause is the only one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from ..exchange.clock import TOLERANCE, is_off
from ..redaction import quoted, unquoted
from ..token.rules import VERSION, read_time, span
from ..vonage import dialects
from .application import COMPARE_THE_ID, once_the_key_is_right, proved_by_the_account, signer_causes
from .cause import CERTAIN, LIKELY, POSSIBLE, Cause
from .evidence import Evidence
from .probe import Reply, without_secrets


def causes(evidence: Evidence) -> list[Cause]:
    """Return the possible causes, the likeliest first, or an empty list if all is well."""
    found = list(_causes(evidence))
    certain = [cause for cause in found if cause.certainty == CERTAIN]
    return certain[:1] or sorted(found, key=lambda cause: cause.certainty == POSSIBLE)


def _causes(evidence: Evidence) -> Iterator[Cause]:
    reply, product = evidence.reply, evidence.product
    if reply.trouble:
        yield Cause("network", CERTAIN, *reply.trouble)
    elif product and not product.takes_jwt and not reply.is_open:
        end = f" It {product.end}." if product.end else ""
        problem = f"The token is not the problem: {product.instead}.{end}"
        yield Cause("wrong-authentication", CERTAIN, problem, "Authenticate that way instead.")
    elif reply.verdict == "accepted":
        yield from _despite_acceptance(reply)
    elif reply.verdict == "unclear":
        yield from _said_by_the_answer(evidence)
        if reply.status == 403:  # as Voice answers to an acl
            yield from _refused_by_acl(evidence)
        if reply.first_status is not None and reply.offset is not None:
            yield _clock(reply.offset, LIKELY)
        yield from _ended(evidence)
        yield _inconclusive(reply)
    else:
        if evidence.token.is_cut_short:
            yield Cause("rule", CERTAIN, "The token's signature is cut short.", "Copy it whole.")
        yield from _proved_by_the_time(evidence)
        yield from proved_by_the_account(evidence)
        yield from _said_by_the_answer(evidence)
        yield from _ended(evidence)
        yield from _guesses(evidence)


def _ended(evidence: Evidence) -> Iterator[Cause]:
    product = evidence.product
    if product and product.end:
        problem = f"The {product.name} API {product.end}."
        yield Cause("ended", LIKELY, problem, "See Vonage's API reference for what replaces it.")


def _despite_acceptance(reply: Reply) -> Iterator[Cause]:
    if reply.status == 402 or reply.reading.code == dialects.NO_MONEY:
        problem = "The token was accepted, but the account has no money for this."
        yield Cause("no-money", CERTAIN, problem, "Top up the account in the Vonage dashboard.")
    elif reply.first_status is not None and reply.offset is not None:
        # A Date that is a second old, with a refusal by chance, looks the same.
        yield _clock(reply.offset, CERTAIN if abs(reply.offset) > TOLERANCE else LIKELY)


def _clock(offset: float, certainty: str) -> Cause:
    side = "behind" if offset > 0 else "ahead of"
    number = f"{abs(offset):.0f}" if abs(offset) > TOLERANCE else f"up to {TOLERANCE}"
    problem = f"This machine's clock is {number} s {side} the server's."
    return Cause("clock", certainty, problem, "Set this machine's clock.")


_OTHER_URL = "Pass another --url: one that is known to exist, in the region of the application."


def _inconclusive(reply: Reply) -> Cause:
    status = reply.status or 0
    untold = f"A {status} does not tell whether the token was accepted."
    if 300 <= status < 400:
        problem = "The server redirects, so this says nothing about the token."
        target = without_secrets(reply.location)
        remedy = f"Pass the target as --url: {target}" if target else _OTHER_URL
        return Cause("redirect", CERTAIN, problem, remedy)
    if status < 300:
        problem = "This path is answered without any authentication, so it says nothing."
        remedy = _OTHER_URL
    elif status == 407:
        problem = "The proxy wants a user name and a password."
        remedy = "Put them in the address of the proxy: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT."
    elif status >= 500 or status in (408, 429):
        problem, remedy = f"A {status} says nothing about the token.", "Try again later."
    elif status == 404 and _path(reply.url).endswith("/"):
        problem = f"{untold} The path ends with a slash."
        remedy = "Leave the slash out: since 2026, Vonage's gateway no longer normalises it."
    elif status == 404 and reply.region:
        problem = f"{untold} The path may not exist, or what was asked for may live in another "
        problem += f"region than {reply.region}, which answered."
        remedy = "Check the path. For a call, pass its address at the region_url of its webhooks."
    else:
        topic = "the request, not about the token"
        if status in (403, 404, 405):
            topic = "the method, the path or the region: it can come before any authentication"
        problem = f"{untold} It may be about {topic}."
        remedy = _OTHER_URL
    return Cause("inconclusive", POSSIBLE, problem, remedy)


def _proved_by_the_time(evidence: Evidence) -> Iterator[Cause]:
    for rule in evidence.broken:
        if (rule.name, rule.code) == ("exp", "expired"):
            is_known = evidence.reply.offset is not None
            whose = "the server" if is_known else "this machine"
            problem = f"The token {rule.reason}, by the clock of {whose}."
            remedy = "Sign a new token."
            if is_off(evidence.reply.offset, evidence.reply.elapsed):
                remedy = "Set this machine's clock, which is off, and sign a new token."
            # A Date may be wrong, so it proves nothing unless this machine's clock agrees.
            here = {rule.code for rule in evidence.token.broken(now=time.time())}
            is_certain = is_known and "expired" in here
            yield Cause("expired", CERTAIN if is_certain else LIKELY, problem, remedy)


# Reasons that only the answer can know: problem, remedy.
_SAID = {
    dialects.SUSPENDED: (
        "The server says that the account or the application is suspended.",
        "See the Vonage dashboard, or ask Vonage's support.",
    ),
    dialects.REVOKED: ("The server says that the token is revoked.", "Sign a new one."),
    dialects.WRONG_AUTHENTICATION: (
        "The server expects another kind of authentication, or got two kinds at once.",
        "See the product's page in Vonage's API reference.",
    ),
    dialects.EXPIRED: (
        "The server says that the token is expired.",
        "Sign a new token, and compare this machine's clock.",
    ),
    dialects.CAPABILITY: (
        "The server says that the application has no Network Registry capability.",
        "Switch it on in the Vonage dashboard, under Applications, and press 'Save changes'.",
    ),
    dialects.RIGHTS: (
        "The server says that the account is not permitted to do this. It does not name the token.",
        "See in the Vonage dashboard what the account may use, or ask Vonage's support.",
    ),
    dialects.THROTTLED: ("The server says that there were too many requests.", "Try again later."),
    dialects.MISSING: (
        "The server got no Authorization header, though one was sent.",
        "Look for what drops it between here and there: a proxy, a gateway, a redirect.",
    ),
}


def _said_by_the_answer(evidence: Evidence) -> Iterator[Cause]:
    """Yield the cause that the server reports. If the token confirms it, it is certain."""
    code = evidence.reading.code
    is_first = evidence.reply.reading.code == code
    if code in _SAID:
        is_certain = code in (dialects.SUSPENDED, dialects.REVOKED)
        yield Cause(code, CERTAIN if is_certain else LIKELY, *_SAID[code])
    elif code == dialects.SUB and is_first and evidence.reply.status in (401, 403, 404):
        # Users, which is asked as well, needs a sub; other products may not.
        yield _about_the_user(evidence)
    elif code == dialects.APPLICATION:
        problem = f"The server does not know application {evidence.application}, or refuses it."
        yield Cause(code, LIKELY, problem, COMPARE_THE_ID)
    elif code == dialects.ACL:
        source = evidence.reply if is_first or evidence.users is None else evidence.users
        path = _path(source.url)
        opens = evidence.token.opens("GET", path) is not False
        if is_first or (opens and "acl" in evidence.token.claims):
            problem = f"The server says that the token's acl does not permit GET {unquoted(path)}."
            yield Cause(code, LIKELY if opens else CERTAIN, problem, _acl_remedy(path))


def _about_the_user(evidence: Evidence) -> Cause:
    sub, reply = evidence.token.claims.get("sub"), evidence.reply
    compare = "Compare the name with those that GET /v1/users lists, or create that user."
    if reply.status == 404 and b"user:error:not-found" in reply.body:
        problem = "The server knows no such user: the one that was requested, or the token's sub."
        return Cause(dialects.SUB, POSSIBLE, problem, compare)
    if sub:
        problem = f"The server does not accept the user {quoted(sub)}, the token's sub."
        return Cause(dialects.SUB, LIKELY, problem, compare)
    problem = "The server expects the token of a user, with the user's name as sub."
    is_certain = b"user:error:not-found" not in reply.body  # which may be about another user
    return Cause(dialects.SUB, CERTAIN if is_certain else LIKELY, problem, "Sign one with sub.")


def _acl_remedy(path: str) -> str:
    opening = re.sub(f"/({VERSION})/([^/]+).*", r"/*/\2/**", path)  # the first "*" is the version
    return f"Sign one whose acl does, such as {unquoted(opening)}."


def _guesses(evidence: Evidence) -> Iterator[Cause]:
    """Yield the causes that are neither proved nor disproved."""
    faults = list(_faults_of_the_token(evidence))
    yield from faults
    if evidence.is_signer_right:
        yield from once_the_key_is_right(evidence, POSSIBLE if faults else LIKELY)
    else:
        yield from signer_causes(evidence, is_explained=evidence.reading.code in _SAID)
    if evidence.product is None:
        problem = "This may be a product that expects another kind of authentication."
        remedy = "See its page in Vonage's API reference."
        yield Cause("wrong-authentication", POSSIBLE, problem, remedy)


def _faults_of_the_token(evidence: Evidence) -> Iterator[Cause]:
    reply = evidence.reply
    for rule in evidence.broken:
        if (rule.name, rule.code) == ("iat", "future") and reply.offset is not None:
            # The token was passed in: one of our own would have been signed again.
            ahead = span((read_time(evidence.token.claims["iat"]) or 0) - reply.server_time)
            problem = f"The token's iat is {ahead} ahead of the server's time."
            remedy = "Set the clock of the machine that signed it, and sign a new one."
            yield Cause("clock", LIKELY, problem, remedy)
        elif rule.code != "expired":
            problem = f"The token breaks a rule: {rule.reason}."
            yield Cause("rule", LIKELY, problem, "Sign a new one that keeps it.")
    for rule in evidence.token.rules(now=reply.server_time):
        if rule.code == "milliseconds" and rule.name != "exp":
            problem = f"The token's {rule.name} is in milliseconds, which is far in the future."
            yield Cause("rule", LIKELY, problem, "Sign a new one, with times in seconds.")
        elif rule.code == "present":
            problem = "The token has an nbf, and Nexmo was seen to refuse such a token."
            yield Cause("rule", LIKELY, problem, "Sign one without nbf.")
    objection = evidence.product.objection(evidence.token.claims) if evidence.product else None
    if objection:
        remedy = f"Sign one {'with' if objection[0] == 'sub' else 'without'} {objection[0]}."
        yield Cause(objection[0], LIKELY, f"{objection[1][0].upper()}{objection[1][1:]}.", remedy)
    if not objection or objection[0] != "acl":
        yield from _refused_by_acl(evidence)


def _refused_by_acl(evidence: Evidence) -> Iterator[Cause]:
    path = _path(evidence.reply.url)
    is_said = evidence.reply.reading.code == dialects.ACL
    if evidence.token.opens("GET", path) is False and not is_said:
        problem = f"The token's acl does not permit GET {unquoted(path)}."
        yield Cause("acl", LIKELY, problem, _acl_remedy(path))


def _path(url: str) -> str:
    return urlsplit(url).path or "/"
