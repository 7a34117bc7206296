"""How the commands print: marks, times and errors."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import Any

from ..claims import read_time, span
from ..redaction import printable


def fail(message: str) -> int:
    """Print an error and return the exit status for it."""
    print(f"nexmo-jwt: {printable(message)}", file=sys.stderr)
    return 1


def show(*lines: str) -> None:
    """Print ``lines`` at once, without anything that a terminal would obey."""
    print(*map(printable, lines), sep="\n", flush=True)


def show_fields(fields: dict[str, Any], now: float) -> None:
    """Print a header or claims, a line each, with times as people read them."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        # JSON escapes whatever a terminal might obey.
        line = f"  {json.dumps(name)[1:-1]:{width}}  {json.dumps(value)}"
        moment = read_time(value) if name in ("iat", "exp", "nbf") else None
        if moment is not None:
            line += f"  {_when(moment, now)}"
            issued = read_time(fields.get("iat"))
            if name == "exp" and issued is not None:
                line += f", {moment - issued} s after iat"
        print(line)


def mark(kept: bool | None) -> str:
    """Return a tick, a cross or a question mark, in what the terminal can show."""
    try:
        "\u2713".encode(sys.stdout.encoding or "ascii")
        tick, cross = "\u2713", "\u2717"
    except UnicodeEncodeError:
        tick, cross = "+", "x"
    sign, colour = {True: (tick, 32), False: (cross, 31), None: ("?", 33)}[kept]
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):  # no-color.org
        return f"\033[{colour}m{sign}\033[0m"
    return sign


def _when(moment: int, now: float) -> str:
    """Return Unix seconds as UTC, and as people say it."""
    try:
        date = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # milliseconds, for example
        return "beyond all calendars"
    return (
        f"{date}, in {span(moment - now)}" if moment > now else f"{date}, {span(now - moment)} ago"
    )
