"""What a message may show: nothing that may be a key, and nothing that a terminal would obey."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

# A key in PEM, or a line of its base64, which is 64 characters long.
_KEY_TEXT = re.compile(r"-----BEGIN|PRIVATE KEY-----|[A-Za-z0-9+/=]{60}")

#: Says of the text of a key that it was given on a command line.
KEY_ON_A_COMMAND_LINE = (
    "It contains a private key, and any process on this machine can read a command line. "
    "Save the key to a file and give its path."
)


class Secret:
    """Bytes that show nothing of themselves, but to those who ask with ``reveal``.

    Crash reporters print the local variables of each frame of a traceback, and slice what is
    bytes. So a frame that may raise holds a ``Secret``.
    """

    __slots__ = ("_content", "kind")

    def __init__(self, content: str | bytes, kind: str = "") -> None:
        self._content = _encoded(content) if isinstance(content, str) else bytes(content)
        #: What it was before, in words, where that matters.
        self.kind: str = kind

    def reveal(self) -> bytes:
        """Return the bytes, to be passed on at once and kept in no variable."""
        return self._content

    def text(self) -> str:
        """Return the str that it was, likewise."""
        return os.fsdecode(self._content)

    def digest(self) -> bytes:
        """Return what tells this secret from others, within this process alone."""
        return hashlib.blake2b(self._content, key=_OF_THIS_PROCESS).digest()

    def __bool__(self) -> bool:
        return bool(self._content)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __repr__(self) -> str:
        return "<secret>"


class Hidden(Generic[T]):
    """Anything else that a frame must not show: a partial function has its arguments in it."""

    __slots__ = ("_thing",)

    def __init__(self, thing: T) -> None:
        self._thing = thing

    def reveal(self) -> T:
        """Return it, to be used at once."""
        return self._thing

    def __reduce__(self) -> tuple[type[Hidden[T]], tuple[T]]:
        return Hidden, (self._thing,)

    def __repr__(self) -> str:
        return "<hidden>"


def _encoded(text: str) -> bytes:
    """Encode any str: an error would show it."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


_OF_THIS_PROCESS = os.urandom(32)


def may_hold_key_text(text: str) -> bool:
    """Tell whether a message must not show ``text``."""
    return bool(_KEY_TEXT.search(text))


def hide_key_text(value: object) -> object:
    """Return ``value``, or a ``Secret`` in the place of text that may hold a key."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return Secret(text) if isinstance(text, str) and may_hold_key_text(text) else value


def quoted(value: object) -> str:
    """Return ``value`` as a message may show it: short, and not at all if it may be a key."""
    if callable(value):  # a partial function has its arguments in it
        return f"<{type(value).__name__}>"
    try:
        text = repr(value)
    except Exception:  # an int of over 4300 digits, say
        return f"<{type(value).__name__}>"
    if may_hold_key_text(text):
        return f"<{type(value).__name__}, redacted, may contain a private key>"
    return text if len(text) <= 80 else f"{text[:60]}... ({type(value).__name__})"


def unquoted(text: str) -> str:
    """Return ``text`` as ``quoted`` does, without quotes: for a path within a sentence."""
    if may_hold_key_text(text):
        return "<redacted, may contain a private key>"
    return escaped(text if len(text) <= 80 else f"{text[:60]}...").replace("\n", "\\n")


def escaped(text: str) -> str:
    """Return ``text`` with what a terminal might obey escaped; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
