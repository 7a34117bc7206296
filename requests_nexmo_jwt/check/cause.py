"""A cause that may explain an answer, with a code and a certainty."""

from __future__ import annotations

from dataclasses import dataclass

CERTAIN, LIKELY, POSSIBLE = "certain", "likely", "possible"


@dataclass(frozen=True)
class Cause:
    """What may be wrong, and what to do about it.

    ``certainty`` is ``certain``, if an answer or the token itself proves the cause, ``likely`` or
    ``possible``.
    """

    code: str
    certainty: str
    problem: str
    remedy: str
