"""How the commands print: marks, colours, times and errors."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from datetime import datetime, timezone
from typing import Any

from ..redaction import escaped
from ..token.rules import read_time, span

_WIDTH = 80


def fail(message: str) -> int:
    """Print an error and return the exit status for it."""
    print(f"nexmo-jwt: {escaped(message)}", file=sys.stderr)
    return 1


def show(*lines: str, mark: str = "") -> None:
    """Print ``lines`` at once, without anything of theirs that a terminal would obey.

    On a terminal they are wrapped between words. ``mark`` stands before the words of the first.
    """
    for line in map(escaped, lines):
        body = line.lstrip(" ")
        indent = " " * (len(line) - len(body))
        start, margin = (f"{indent}{mark} ", len(indent) + 2) if mark else (indent, len(indent))
        print(start + (_wrapped(body, margin) if is_terminal() else body))
        mark = ""
    print(end="", flush=True)


def show_fields(fields: dict[str, Any], now: float) -> None:
    """Print a header or claims, a line each, with times as people read them."""
    width = min(max((len(name) for name in fields), default=0), 20)
    for name, value in fields.items():
        # JSON escapes most of what a terminal might obey, ``escaped`` the rest.
        shown = json.dumps(value, ensure_ascii=False)
        line = f"  {json.dumps(name, ensure_ascii=False)[1:-1]:{width}}  {shown}"
        moment = read_time(value) if name in ("iat", "exp", "nbf") else None
        if moment is not None:
            line += f"  {_when(moment, now)}"
        print(escaped(line))


def mark(kept: bool | None) -> str:
    """Return a tick, a cross or a question mark."""
    sign, colour = {True: ("\u2713", 32), False: ("\u2717", 31), None: ("?", 33)}[kept]
    return f"\033[{colour}m{sign}\033[0m" if is_terminal() else sign


def is_terminal() -> bool:
    """Return whether stdout is a terminal whose user did not ask for plain text (no-color.org)."""
    is_dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not is_dumb


def _wrapped(body: str, margin: int) -> str:
    """Wrap ``body`` between words; further lines are aligned with the first."""
    number = body.partition(". ")[0]
    under = margin + (len(number) + 2 if number.isdigit() else 0 if margin else 2)
    lines = textwrap.wrap(body, _WIDTH - under, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * under).join(lines)


def _when(moment: int, now: float) -> str:
    """Return Unix seconds as UTC, and as people say it."""
    try:
        date = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # milliseconds, for example
        return "beyond all calendars"
    distance = f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"
    return f"{date}, {distance}"
