"""Reading the beginning of an answer, within bounds of size and time."""

from __future__ import annotations

import time
from contextlib import suppress

from requests import Response


def read_beginning(response: Response, limit: int, seconds: float) -> bytes:
    """Return the first ``limit`` bytes of a streamed answer, or what came within ``seconds``.

    What arrived before an answer breaks counts. The time is checked when a byte arrives, so one
    byte is read at a time: a larger read would wait for all of its bytes.
    """
    body, deadline = bytearray(), time.monotonic() + seconds
    with suppress(OSError):  # a RequestException is one, niquests' too
        for byte in response.iter_content(1):
            body += byte
            if len(body) >= limit or time.monotonic() > deadline:
                break
    return bytes(body[:limit])
