"""What is known of one refusal: the answers, and the token that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..exchange.clock import is_off
from ..redaction import quoted
from ..token.inspection import Inspection, Rule, inspect
from ..vonage import dialects
from ..vonage.dialects import Reading
from ..vonage.products import Product, product_of
from .account import Record
from .probe import Reply


@dataclass(frozen=True)
class Evidence:
    """What is known of one refusal.

    ``fingerprint`` is that of the key that signed, empty for a token that was not signed here.
    ``users`` answers a second question, to an API whose refusals say more. ``record`` is what the
    account says of the application.
    """

    reply: Reply
    fingerprint: str = ""
    users: Reply | None = None
    record: Record | None = None

    @cached_property
    def token(self) -> Inspection:
        """The token that was sent first."""
        return inspect(self.reply.token)

    @cached_property
    def broken(self) -> list[Rule]:
        """The rules that it breaks, at the server's time where that is known.

        Without those about the time where a second try, with the server's, was refused as well.
        """
        broken = self.token.broken_by_date(self.reply.server_time)
        if self.reply.first_status is None:
            return broken
        return [rule for rule in broken if rule.code not in ("future", "expired")]

    @property
    def is_clock_off(self) -> bool:
        """Whether this machine's clock is worth a word."""
        return is_off(self.reply.offset, self.reply.elapsed)

    @property
    def product(self) -> Product | None:
        """The product that was asked."""
        return product_of(self.reply.url)

    @property
    def reading(self) -> Reading:
        """The answer that says more: the first, or that to the second question."""
        first = self.reply.reading
        if first.code == dialects.UNKNOWN and self.users and self.users.verdict == "refused":
            return self.users.reading
        return first

    @property
    def application(self) -> str:
        """The application's id, as a message shows it."""
        return quoted(self.token.claims.get("application_id"))

    @cached_property
    def is_signer_right(self) -> bool:
        """Whether application and key belong together, proved by an answer."""
        if self.record and self.record.public_key:
            return self.token.is_signed_by(self.record.public_key)
        # Our assumption: a refusal for the acl or sub means that the signature was verified.
        asked = [self.reply, *([self.users] if self.users else [])]
        return any(
            reply.verdict == "accepted" or reply.reading.code in (dialects.ACL, dialects.SUB)
            for reply in asked
        )
