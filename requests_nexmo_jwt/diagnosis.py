"""Why a token was refused: causes as data, each with a code and a certainty.

What a request of ours has disproved is no cause. What is certain ends the list.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import dialects
from .evidence import Evidence
from .probe import Reply
from .redaction import shown

CERTAIN, LIKELY, POSSIBLE = "certain", "likely", "possible"


@dataclass(frozen=True)
class Cause:
    """What may be wrong, how certain that is, and what to do about it.

    ``certainty`` is ``certain`` where it was proved by an answer or by what is known here,
    ``likely`` or ``possible``.
    """

    code: str
    certainty: str
    problem: str
    remedy: str


def causes(evidence: Evidence) -> list[Cause]:
    """Return what may explain the answer, the likeliest first; none where all is well."""
    found = list(_causes(evidence))
    certain = [cause for cause in found if cause.certainty == CERTAIN]
    if certain:
        return certain[:1]
    order = [LIKELY, POSSIBLE]
    return sorted(found, key=lambda cause: order.index(cause.certainty))


def is_uuid(text: object) -> bool:
    """Tell whether ``text`` looks like the id of an application."""
    try:
        uuid.UUID(str(text))
    except ValueError:
        return False
    return True


def _causes(evidence: Evidence) -> Iterator[Cause]:
    reply = evidence.reply
    if reply.trouble:
        yield Cause("network", CERTAIN, *reply.trouble)
    elif reply.verdict == "accepted":
        yield from _despite_acceptance(reply)
    elif reply.verdict == "unclear":
        yield from _said_by_the_answer(evidence)
        if reply.first_status is not None and reply.offset is not None:
            yield _clock(reply.offset, LIKELY)
        yield _inconclusive(reply)
    else:
        yield from _proved_here(evidence)
        yield from _proved_by_the_account(evidence)
        yield from _said_by_the_answer(evidence)
        yield from _guesses(evidence)


def _despite_acceptance(reply: Reply) -> Iterator[Cause]:
    if reply.status == 402 or reply.reading.code == dialects.NO_MONEY:
        yield Cause(
            "no-money",
            CERTAIN,
            "The token was accepted, but the account has no money for this.",
            "Top up the account in the Vonage dashboard.",
        )
    elif reply.first_status is not None and reply.offset is not None:
        yield _clock(reply.offset, CERTAIN)


def _clock(offset: float, certainty: str) -> Cause:
    side = "behind" if offset > 0 else "ahead of"
    problem = f"This machine's clock is {abs(offset):.0f} s {side} the server's."
    return Cause("clock", certainty, problem, "Set this machine's clock.")


def _inconclusive(reply: Reply) -> Cause:
    status, place = reply.status or 0, "the request, not about the token"
    if 300 <= status < 400:
        problem = "The server redirects, so this says nothing about the token."
        return Cause("redirect", CERTAIN, problem, f"Pass the target as --url: {reply.location}")
    if status >= 500 or status in (408, 429):
        problem = f"A {status} says nothing about the token."
        return Cause("inconclusive", POSSIBLE, problem, "Try again later.")
    if status in (403, 404, 405):
        place = "the method, the path or the region: it can come before any authentication"
    problem = f"A {status} does not tell whether the token was accepted. It may be about {place}."
    return Cause("inconclusive", POSSIBLE, problem, "Try another --url, such as the default.")


def _proved_here(evidence: Evidence) -> Iterator[Cause]:
    """Yield what is certain without another request."""
    product = evidence.product
    if product and not product.takes_jwt:
        problem = f"It is not the token: {product.instead}."
        yield Cause("wrong-authentication", CERTAIN, problem, "Send those instead of a token.")
    for rule in evidence.broken:
        if (rule.name, rule.code) == ("exp", "expired"):
            whose = "this machine" if evidence.reply.offset is None else "the server"
            problem = f"The token has {rule.reason}, by the clock of {whose}."
            yield Cause("expired", CERTAIN, problem, "Sign a new token.")


def _proved_by_the_account(evidence: Evidence) -> Iterator[Cause]:
    record = evidence.record
    if record is None:
        return
    account, application = record.account.name, evidence.application
    if record.is_unknown:
        yield Cause(
            "application",
            CERTAIN if record.is_ours else LIKELY,
            f"Account {account} has no application {application}.",
            "Compare the id with the Vonage dashboard, under Applications. An API key is not an id."
            + ("" if record.is_ours else " Or the application is another account's."),
        )
    elif record.public_key and not evidence.is_signer_right:
        ours = (
            f"yours is {evidence.fingerprint}" if evidence.fingerprint else "it did not sign this"
        )
        yield Cause(
            "key",
            CERTAIN,
            f"Application {application} has the public key {record.fingerprint}, {ours}.",
            _SAVE_THE_KEY,
        )


_SAVE_THE_KEY = (
    "Use the private key that belongs to it. Or save the public key that 'nexmo-jwt check "
    "--public-key' prints in the Vonage dashboard, without carriage returns, and press 'Save "
    "changes': until then, new keys do not count."
)


# What an answer says, and nothing here confirms or denies: certainty, problem, remedy.
_SAID = {
    dialects.SUSPENDED: (
        CERTAIN,
        "The server says that the account or the application is suspended.",
        "See the Vonage dashboard, or ask Vonage's support.",
    ),
    dialects.REVOKED: (CERTAIN, "The server says that the token is revoked.", "Sign a new one."),
    dialects.WRONG_AUTHENTICATION: (
        LIKELY,
        "The server wants another kind of authentication here, or one kind alone.",
        "See the product's page in Vonage's API reference.",
    ),
    dialects.EXPIRED: (
        LIKELY,
        "The server says that the token is expired.",
        "Sign a new token, and compare this machine's clock.",
    ),
    dialects.MISSING: (
        LIKELY,
        "The server got no Authorization header, though one was sent.",
        "Look for what drops it between here and there: a proxy, a gateway, a redirect.",
    ),
}


def _said_by_the_answer(evidence: Evidence) -> Iterator[Cause]:
    """Yield what the server says is wrong; where that is known here as well, it is certain."""
    code = evidence.reading.code
    if code in _SAID:
        yield Cause(code, *_SAID[code])
    elif code == dialects.SUB:
        certainty = LIKELY if evidence.token.claims.get("sub") else CERTAIN
        problem = "The server wants the token of a user, with the user's name as sub."
        yield Cause(code, certainty, problem, "Sign one with sub.")
    elif code == dialects.ACL:
        is_first = evidence.reply.reading.code == code
        said_of = evidence.reply if is_first or evidence.users is None else evidence.users
        path = _path(said_of.url)
        opens = evidence.token.opens("GET", path)
        if is_first or opens:
            problem = f"The server says that the token's acl does not open GET {_shown(path)}."
            yield Cause(code, LIKELY if opens else CERTAIN, problem, _ACL_REMEDY)


_ACL_REMEDY = "Sign one whose acl does; write the version as '*': /*/calls/**."


def _guesses(evidence: Evidence) -> Iterator[Cause]:
    """Yield what may be wrong without a proof, and was not disproved."""
    reply = evidence.reply
    for rule in evidence.broken:
        is_early = (rule.name, rule.code) == ("iat", "future")
        if is_early and reply.offset is not None:
            yield _clock(reply.offset, LIKELY)
        else:
            problem = f"The token breaks a rule: {rule.reason}."
            yield Cause("rule", LIKELY, problem, "Sign a new one that keeps it.")
    path = _path(reply.url)
    if not evidence.token.opens("GET", path) and reply.reading.code != dialects.ACL:
        problem = f"The token's acl does not open GET {_shown(path)}."
        yield Cause("acl", LIKELY, problem, _ACL_REMEDY)
    if evidence.is_signer_right:
        yield from _once_the_key_is_right(evidence)
    else:
        yield from _signer_causes(evidence)
    if evidence.product is None:
        problem = "This may be a product that takes another kind of authentication."
        remedy = "See its page in Vonage's API reference."
        yield Cause("wrong-authentication", POSSIBLE, problem, remedy)


def _signer_causes(evidence: Evidence) -> Iterator[Cause]:
    application = evidence.application
    is_id = is_uuid(evidence.token.claims.get("application_id"))
    key = evidence.fingerprint or "that signed"
    yield Cause(
        "key",
        LIKELY if is_id else POSSIBLE,
        f"The key {key} does not belong to application {application}.",
        _SAVE_THE_KEY,
    )
    yield Cause(
        "application",
        POSSIBLE if is_id else LIKELY,
        f"There is no application {application}, or not in this account.",
        "Compare the id with the Vonage dashboard, under Applications. An API key is not an id.",
    )


def _once_the_key_is_right(evidence: Evidence) -> Iterator[Cause]:
    """Yield what Vonage's support names (360000958367) where application and key are right."""
    product = evidence.product
    capability = f"a capability for {product.name}" if product else "the capability"
    yield Cause(
        "capability",
        LIKELY if evidence.reading.code == dialects.UNKNOWN else POSSIBLE,
        f"Application {evidence.application} and its key are right, but {capability} may be off.",
        "Switch it on in the Vonage dashboard, under Applications, and press 'Save changes'.",
    )
    yield Cause(
        "privacy",
        POSSIBLE,
        "An older application may lack its privacy setting.",
        "Edit it in the Vonage dashboard, choose that setting, and press 'Save changes'.",
    )
    yield Cause(
        "new-application",
        POSSIBLE,
        "Something of the application may be wrong that cannot be seen from here.",
        "As the last resort, make a new application, with keys of its own.",
    )


def _shown(path: str) -> str:
    return shown(path)[1:-1]


def _path(url: str) -> str:
    return urlsplit(url).path or "/"
