"""What time it is where a request goes, by what that server's answers have shown.

The ``Date`` of an answer only suggests it: a ``Date`` can be wrong, or a lie. An offset is
confirmed when the server accepts a token that was signed with it.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from datetime import timedelta, timezone
from email.utils import parsedate_to_datetime

#: Seconds that a clock may be off before it explains a refusal.
SLACK = 30


class ServerClock:
    """The clock of one server, as an offset: seconds that it is ahead of this machine's.

    Any number of threads may share it; what each of them signed with is in their own hands, and
    is handed back when the answer is known.
    """

    def __init__(self) -> None:
        #: What to sign with: suggested by an answer, or confirmed.
        self.offset = 0.0
        #: What the last accepted token was signed with.
        self.confirmed = 0.0
        #: When it accepted a token last, by ``time.monotonic``; None if it never did.
        self.accepted_at: float | None = None
        self._is_refusal_reported = False

    def suggested(self, offset: float) -> None:
        """An answer's ``Date`` suggests ``offset``: sign with it until it has proved wrong."""
        self.offset = offset

    def accepted(self, offset: float) -> None:
        """A token that was signed with ``offset`` was accepted."""
        self.accepted_at = time.monotonic()
        if offset == self.offset:  # or another thread has followed a suggestion since
            self.confirmed = offset

    def refused(self, offset: float) -> None:
        """A token that was signed with ``offset`` was refused: return to what is confirmed."""
        if offset == self.offset:
            self.offset = self.confirmed

    def is_first_report(self) -> bool:
        """Tell whether no refusal of this server was reported before this one."""
        is_first, self._is_refusal_reported = not self._is_refusal_reported, True
        return is_first


class Clocks:
    """The clocks of all servers that one auth object has met; they stay in this process."""

    def __init__(self) -> None:
        self._clocks: dict[Hashable, ServerClock] = {}

    def of(self, server: Hashable) -> ServerClock:
        """Return the clock of ``server``; one that is new agrees with this machine's."""
        return self._clocks.setdefault(server, ServerClock())

    def last_confirmed(self) -> float:
        """Return the offset that the server has confirmed which accepted a token last."""
        met = [clock for clock in list(self._clocks.values()) if clock.accepted_at is not None]
        return max(met, key=lambda clock: clock.accepted_at or 0).confirmed if met else 0.0

    def __reduce__(self) -> tuple[type[Clocks], tuple[()]]:
        return Clocks, ()


def offset_of(date: str | None, *, received: float | None = None) -> float | None:
    """Return how many seconds a server is ahead by its ``Date``; None where that is no date.

    ``received``: when the answer came, in Unix seconds; now by default. A ``Date`` is in whole
    seconds, and as old as the way back (RFC 9110, section 6.6.1).
    """
    try:
        sent = parsedate_to_datetime(date or "")
    except (TypeError, ValueError, OverflowError):
        return None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=timezone.utc)
    return sent.timestamp() - (time.time() if received is None else received)


def is_off(offset: float | None, elapsed: timedelta, *, by: float = 0) -> bool:
    """Tell whether ``offset`` explains that a token signed with the offset ``by`` was refused.

    ``elapsed`` is how long the answer took, during which the ``Date`` grew old.
    """
    return offset is not None and abs(offset - by) > elapsed.total_seconds() + SLACK
