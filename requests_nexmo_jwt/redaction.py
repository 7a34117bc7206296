"""What a message may show: nothing that may be a key, and nothing that a terminal would obey."""

from __future__ import annotations

import re

# A key in PEM, or a line of its base64, which is 64 characters long.
_KEY_TEXT = re.compile(r"-----BEGIN|PRIVATE KEY-----|[A-Za-z0-9+/=]{60}")

#: Says of the text of a key that it was given on a command line.
KEY_ON_A_COMMAND_LINE = (
    "There is a private key in it, and every process on this machine can read a command line. "
    "Save the key to a file and give its path."
)


class Secret(bytes):
    """Bytes that show nothing of themselves.

    Crash reporters print the local variables of each frame of a traceback.
    """

    @classmethod
    def of(cls, text: str | bytes) -> Secret:
        """Return ``text`` as a secret; any str will do, or the error would show it."""
        return cls(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


def may_hold_key_text(text: str) -> bool:
    """Tell whether a message must not show ``text``."""
    return bool(_KEY_TEXT.search(text))


def shown(value: object) -> str:
    """Return ``value`` as a message may show it: short, and not at all if it may be a key."""
    try:
        text = repr(value)
    except Exception:  # an int of over 4300 digits, say
        return f"<{type(value).__name__}>"
    if may_hold_key_text(text):
        return f"<{type(value).__name__}, not shown since it may hold a key>"
    return text if len(text) <= 80 else f"{text[:60]}... ({type(value).__name__})"


def printable(text: str) -> str:
    """Return ``text`` with what a terminal might obey escaped; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
