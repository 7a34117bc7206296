"""What time it is at a server, as its answers have shown.

The ``Date`` of an answer only suggests it: a ``Date`` can be stale, wrong, or a lie. An offset is
confirmed when the server accepts a token that was signed with it.
"""

from __future__ import annotations

import time
from datetime import timezone
from email.utils import parsedate_to_datetime

from ..url import Origin

#: Seconds without another second try after one that was refused.
PATIENCE = 60

#: Offsets that differ by no more than this many seconds count as equal: a ``Date`` has no fraction.
TOLERANCE = 2

#: Seconds that a clock may be off before a message mentions it.
SLACK = 30


class ServerClock:
    """The clock of one server, as an offset: seconds that it is ahead of this machine's.

    Threads share it without a lock. Each request keeps the offset that it was signed with, and
    passes it to the transitions: ``suggested``, ``accepted``, ``refused``, ``tried_in_vain``. If
    two of them meet, a suggestion may be lost, and the next refusal makes it again.
    """

    def __init__(self) -> None:
        #: What to sign with: suggested by an answer, or confirmed.
        self.offset: float = 0.0
        #: The offset of the last accepted token, if it was still the current one then.
        self.confirmed: float = 0.0
        self._accepted_key = ""
        #: When a second try was last refused, by ``time.monotonic``; its offset, and its key.
        self._in_vain: tuple[float, float, str] | None = None
        self._is_refusal_reported = False
        self._reported_offset = 0.0

    def suggested(self, offset: float) -> None:
        """An answer's ``Date`` suggests ``offset``: sign with it until it proves wrong."""
        self.offset = offset

    def accepted(self, offset: float, fingerprint: str) -> None:
        """A token signed with ``offset`` and the key of ``fingerprint`` was accepted."""
        self._accepted_key = fingerprint
        self._in_vain, self._is_refusal_reported = None, False
        if abs(offset - self.offset) <= TOLERANCE:  # else another thread has changed it meanwhile
            self.confirmed = offset

    def refused(self, offset: float) -> None:
        """A token signed with ``offset`` was refused: return to what is confirmed."""
        if offset == self.offset:
            self.offset = self.confirmed

    def tried_in_vain(self, offset: float, fingerprint: str) -> None:
        """A second try with ``offset`` and the key of ``fingerprint`` was refused as well."""
        self._in_vain = time.monotonic(), offset, fingerprint
        self.refused(offset)

    def is_worth_a_try(self, offset: float, fingerprint: str) -> bool:
        """Return whether a second try could end otherwise than the last one that was in vain."""
        if self._in_vain is None:
            return True
        at, last_offset, last_fingerprint = self._in_vain
        is_another = abs(offset - last_offset) > TOLERANCE or fingerprint != last_fingerprint
        return is_another or time.monotonic() - at > PATIENCE

    def has_accepted(self, fingerprint: str) -> bool:
        """Return whether the last accepted token was signed with the key of ``fingerprint``."""
        return self._accepted_key == fingerprint

    def note_refusal(self) -> bool:
        """Return whether this is the first refusal since the last accepted token, and note it."""
        is_first, self._is_refusal_reported = not self._is_refusal_reported, True
        return is_first

    def note_offset(self, offset: float) -> bool:
        """Return whether ``offset`` differs from the one noted before, and note it."""
        differs = abs(offset - self._reported_offset) > TOLERANCE
        if differs:
            self._reported_offset = offset
        return differs


class Clocks(dict[Origin, ServerClock]):
    """The clocks of the servers that one auth object has met; a new one agrees with this machine's.

    A pickle leaves them out: another process may run on a machine with another clock.
    """

    def __missing__(self, origin: Origin) -> ServerClock:
        return self.setdefault(origin, ServerClock())

    def __reduce__(self) -> tuple[type[Clocks], tuple[()]]:
        return Clocks, ()


def is_off(offset: float | None, elapsed: float) -> bool:
    """Return whether a message mentions a clock that is off by ``offset`` seconds.

    ``elapsed`` is how many seconds the answer took that showed the offset.
    """
    return offset is not None and abs(offset) > elapsed + SLACK


def server_time(date: str | None, age: str | None = None) -> float | None:
    """Return a server's time by the ``Date`` and ``Age`` of its answer, in Unix seconds.

    A ``Date`` has dropped its fraction (RFC 9110, section 6.6.1); a cached answer's is older by
    its ``Age`` (RFC 9111, section 5.1). Return None if ``date`` is not a date.
    """
    try:
        sent = parsedate_to_datetime(date or "")
    except (TypeError, ValueError, OverflowError):
        return None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=timezone.utc)
    return sent.timestamp() + (int(age) if age and age.isdecimal() and len(age) < 10 else 0)
