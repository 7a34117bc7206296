"""What may be wrong with the application or its key."""

from __future__ import annotations

from collections.abc import Iterator

from ..vonage import dialects
from ..vonage.identifiers import is_application_id
from ..vonage.products import CAPABILITIES
from .cause import CERTAIN, LIKELY, POSSIBLE, Cause
from .evidence import Evidence

COMPARE_THE_ID = (
    "Compare the id with the Vonage dashboard, under Applications. An API key is not an id."
)
_SAVE_THE_KEY = (
    "Use the private key that belongs to it. Or save the public key that 'nexmo-jwt "
    "public-key' prints in the Vonage dashboard, without carriage returns, and press 'Save "
    "changes': until then, new keys do not count."
)


def proved_by_the_account(evidence: Evidence) -> Iterator[Cause]:
    """Yield what the account's answer proves: it has no such application, or another key."""
    record = evidence.record
    if record is None or evidence.is_signer_right:
        return
    application = evidence.application
    if record.is_unknown:
        problem = f"Account {record.account.name} has no application {application}."
        remedy = f"{COMPARE_THE_ID} Or use the API key and secret of the account that has it."
        yield Cause("application", CERTAIN if record.is_ours else LIKELY, problem, remedy)
    elif record.public_key:
        key = evidence.fingerprint
        ours = f"yours is {key}" if key else "another key signed this token"
        problem = f"Application {application} has the public key {record.fingerprint}, but {ours}."
        yield Cause("key", CERTAIN, problem, _SAVE_THE_KEY)


def signer_causes(evidence: Evidence, *, is_explained: bool) -> Iterator[Cause]:
    """Yield the causes that remain while the key is not known to be right.

    ``is_explained``: the answer gives a reason of its own.
    """
    if evidence.reading.code == dialects.MISSING:
        return  # a server that saw no token has not checked its signature
    if not evidence.token.claims.get("application_id"):
        return  # reported as a broken rule
    if evidence.token.header.get("alg") != "RS256" or evidence.reading.code == dialects.APPLICATION:
        return  # the token is of another kind, or the answer names the application
    application = evidence.application
    is_id = is_application_id(evidence.token.claims.get("application_id"))
    key = evidence.fingerprint or "that signed the token"
    problem = f"The key {key} does not belong to application {application}."
    yield Cause("key", LIKELY if is_id and not is_explained else POSSIBLE, problem, _SAVE_THE_KEY)
    if not (evidence.record and evidence.record.is_unknown):
        problem = f"Application {application} does not exist, or belongs to another account."
        yield Cause("application", POSSIBLE if is_id else LIKELY, problem, COMPARE_THE_ID)


def once_the_key_is_right(evidence: Evidence, certainty: str) -> Iterator[Cause]:
    """Yield the causes that Vonage's support article 360000958367 lists beside the key."""
    if evidence.reply.reading.code not in (dialects.UNKNOWN, dialects.INVALID):
        return  # the answer gives another reason
    product, users = evidence.product, evidence.users
    if product and product.end:
        return
    is_one_product = not (users and users.verdict == "refused")
    switch = "Switch it on in the Vonage dashboard, under Applications, and press 'Save changes'."
    needed = CAPABILITIES.get(product.name) if product else None
    known = evidence.record.capabilities if evidence.record else None
    if product and needed and known is not None and needed not in known:
        listed = dialects.line(", ".join(known)) or "none"
        problem = f"{product.name} is not among the application's capabilities ({listed})."
        # The support article names these two; what the others do without it is not documented.
        # It is certain only if nothing else is known to be wrong.
        is_certain = needed in ("voice", "messages") and certainty == LIKELY
        yield Cause("capability", CERTAIN if is_certain else certainty, problem, switch)
    elif known is None or not needed:
        capability = f" for {product.name}" if product and is_one_product else ""
        problem = f"Application and key are right, but the application's capability{capability} may"
        yield Cause("capability", certainty, f"{problem} be off.", switch)
    problem = "An older application may lack its privacy setting."
    remedy = "Edit it in the Vonage dashboard, choose that setting, and press 'Save changes'."
    yield Cause("privacy", POSSIBLE, problem, remedy)
    problem = "The application may have another problem, which check cannot detect."
    remedy = "As the last resort, make a new application, with keys of its own."
    yield Cause("new-application", POSSIBLE, problem, remedy)
