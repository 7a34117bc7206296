"""The evidence about one refusal: the token that was sent, and the answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..token.inspection import Inspection, inspect
from ..token.rules import Rule
from ..url import Origin
from ..vonage import dialects
from ..vonage.dialects import Reading
from ..vonage.identifiers import shown_id
from ..vonage.products import Product, product_of
from .account import Record
from .probe import Reply


@dataclass(frozen=True)
class Evidence:
    """The answers about one token.

    ``fingerprint`` is that of the key that signed it, or empty for a token that was passed in.
    ``users`` is the answer of the Users API, whose refusals give a reason, and ``record`` that of
    the account. ``lacks_account``: no API key and secret were found to ask with. ``in_place_of`` is
    Vonage's origin if ``NEXMO_JWT_ENDPOINT`` moved the request, or None.
    """

    reply: Reply
    fingerprint: str = ""
    users: Reply | None = None
    record: Record | None = None
    lacks_account: bool = False
    in_place_of: Origin | None = None

    @cached_property
    def token(self) -> Inspection:
        """The token that was sent first."""
        return inspect(self.reply.token)

    @cached_property
    def broken(self) -> list[Rule]:
        """The rules that the token breaks at the server's time, if that is known.

        If a second try with the server's time was refused too, rules about the time are left out.
        """
        broken = self.token.broken_by_date(self.reply.server_time)
        if self.reply.first_status is None:
            return broken
        return [rule for rule in broken if rule.code not in ("future", "expired")]

    @property
    def product(self) -> Product | None:
        """The product that the request was for."""
        return product_of(self.reply.url)

    @property
    def reading(self) -> Reading:
        """The content of the first answer, or that of the Users API if only this has a reason."""
        first = self.reply.reading
        if first.code == dialects.UNKNOWN and self.users and self.users.verdict != "accepted":
            return self.users.reading
        return first

    @property
    def application(self) -> str:
        """The application's id, as a message may show it."""
        return shown_id(self.token.claims.get("application_id"))

    @cached_property
    def is_signer_right(self) -> bool:
        """Whether an answer proves that the key belongs to the application."""
        if self.record and self.record.public_key:
            return self.token.is_signed_by(self.record.public_key)
        # Assumption: a refusal for the acl or sub means that the signature was verified.
        return any(
            reply.verdict == "accepted" or reply.reading.code in (dialects.ACL, dialects.SUB)
            for reply in (self.reply, self.users)
            if reply
        )
