"""What time it is where a request goes, by what that server's answers have shown.

The ``Date`` of an answer only suggests it: a ``Date`` can be stale, wrong, or a lie. An offset is
confirmed when the server accepts a token that was signed with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Generic, NamedTuple, TypeVar

#: Seconds for which a second try that was refused as well keeps further ones away.
PATIENCE = 60

#: Offsets that differ by no more than this many seconds count as equal: a ``Date`` has no fraction.
TOLERANCE = 2

#: Seconds that a clock may be off before it is worth a word.
SLACK = 30

_MAX_SERVERS = 1000

Server = TypeVar("Server")


class ServerClock:
    """The clock of one server, as an offset: seconds that it is ahead of this machine's.

    Threads share it without a lock. Each request remembers the offset that it was signed with, and
    passes it to the transitions: ``suggested``, ``accepted``, ``refused``, ``tried_in_vain``. Where
    two of them meet, a suggestion may be lost, and the next refusal makes it again.
    """

    def __init__(self) -> None:
        #: What to sign with: suggested by an answer, or confirmed.
        self.offset: float = 0.0
        #: The offset of the last accepted token, if it was still the current one then.
        self.confirmed: float = 0.0
        #: When the server last accepted a token, by ``time.monotonic``; None if it never did.
        self.accepted_at: float | None = None
        self._accepted_key = ""
        self._in_vain: _Try | None = None
        self._is_refusal_reported = False
        self._reported_offset = 0.0

    def suggested(self, offset: float) -> None:
        """An answer's ``Date`` suggests ``offset``: sign with it until it has proved wrong."""
        self.offset = offset

    def accepted(self, offset: float, fingerprint: str) -> None:
        """A token that was signed with ``offset`` and the key of ``fingerprint`` was accepted."""
        self.accepted_at, self._accepted_key = time.monotonic(), fingerprint
        self._in_vain, self._is_refusal_reported = None, False
        if abs(offset - self.offset) <= TOLERANCE:  # else another thread has changed it meanwhile
            self.confirmed = offset

    def refused(self, offset: float) -> None:
        """A token that was signed with ``offset`` was refused: return to what is confirmed."""
        if offset == self.offset:
            self.offset = self.confirmed

    def tried_in_vain(self, offset: float, fingerprint: str) -> None:
        """A second try with ``offset`` and the key of ``fingerprint`` was refused as well."""
        self._in_vain = _Try(time.monotonic(), offset, fingerprint)
        self.refused(offset)

    def is_worth_a_try(self, offset: float, fingerprint: str) -> bool:
        """Tell whether one more try could end otherwise than the last one that was in vain."""
        last = self._in_vain
        return (
            last is None
            or time.monotonic() - last.at > PATIENCE
            or abs(offset - last.offset) > TOLERANCE
            or fingerprint != last.fingerprint
        )

    def has_accepted(self, fingerprint: str) -> bool:
        """Tell whether the last accepted token was signed with the key of ``fingerprint``."""
        return self._accepted_key == fingerprint

    def claim_report(self) -> bool:
        """Claim the one report of a refusal that there is until the next accepted token."""
        is_first, self._is_refusal_reported = not self._is_refusal_reported, True
        return is_first

    def is_news(self, offset: float) -> bool:
        """Tell whether ``offset`` differs from the one that was reported last; now it is that."""
        differs = abs(offset - self._reported_offset) > TOLERANCE
        if differs:
            self._reported_offset = offset
        return differs


class _Try(NamedTuple):
    at: float
    offset: float
    fingerprint: str


class Clocks(Generic[Server]):
    """The clocks of the servers that one auth object has met; they stay in this process."""

    def __init__(self) -> None:
        self._clocks: dict[Server, ServerClock] = {}

    def of(self, server: Server) -> ServerClock:
        """Return the clock of ``server``; a new one agrees with this machine's."""
        clock = self._clocks.get(server)
        if clock is None:
            clock = self._clocks.setdefault(server, ServerClock())
            if len(self._clocks) > _MAX_SERVERS:
                with suppress(KeyError, RuntimeError):  # another thread has made room
                    del self._clocks[next(iter(self._clocks))]
        return clock

    def last_confirmed(self, counts: Callable[[Server], bool]) -> float:
        """Return the offset of the server that last accepted a token, of those that count."""
        met = [
            (clock.accepted_at, clock.confirmed)
            for server, clock in list(self._clocks.items())
            if clock.accepted_at is not None and counts(server)
        ]
        return max(met)[1] if met else 0.0

    def __reduce__(self) -> tuple[type[Clocks[Server]], tuple[()]]:
        return Clocks, ()


def is_off(offset: float | None, elapsed: float) -> bool:
    """Tell whether a clock that is off by ``offset`` seconds is worth a word.

    ``elapsed`` is how many seconds the answer took that showed the offset.
    """
    return offset is not None and abs(offset) > elapsed + SLACK


def server_time(date: str | None, age: str | None = None) -> float | None:
    """Return a server's time by the ``Date`` and ``Age`` of its answer, in Unix seconds.

    A ``Date`` has dropped its fraction (RFC 9110, section 6.6.1); a cached answer's is older by
    its ``Age`` (RFC 9111, section 5.1). None where ``date`` is no date.
    """
    try:
        sent = parsedate_to_datetime(date or "")
    except (TypeError, ValueError, OverflowError):
        return None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=timezone.utc)
    return sent.timestamp() + (int(age) if age and age.isdecimal() and len(age) < 10 else 0)
