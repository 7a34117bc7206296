"""What a message may show: nothing that may be a key, and nothing that a terminal would obey."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

# A private key: its label in PEM, base64 of that wherever it begins, or the first line of the key.
_KEY = re.compile(
    r"BEGIN [A-Z ]*PRIVATE KEY|PRIVATE KEY-----|LS0tLS1CRUdJTi|0tLS0tQkVHSU|tLS0tLUJFR0lO"
    r"|MII[A-Za-z0-9+/]{57}"
)
# What may be a part of one: a line of base64 in PEM is 64 characters long.
_MAY_BE_KEY = re.compile(r"-----BEGIN|[A-Za-z0-9+/=]{60}")


class Hidden(Generic[T]):
    """Anything that the frame of a function must not show.

    Crash reporters print the local variables of each frame of a traceback. So a frame that may
    raise holds what is secret, or may be, in this, and reveals it only to pass it on.
    """

    __slots__ = ("_thing",)

    def __init__(self, thing: T) -> None:
        self._thing = thing

    def reveal(self) -> T:
        """Return it, to be used at once and kept in no variable."""
        return self._thing

    def __reduce__(self) -> tuple[type[Hidden[T]], tuple[T]]:
        return Hidden, (self._thing,)

    def __repr__(self) -> str:
        return "<hidden>"


class Secret(Hidden[bytes]):
    """The text of a key, a passphrase or an API secret, as bytes."""

    __slots__ = ()

    def __init__(self, content: str | bytes) -> None:
        super().__init__(_encoded(content) if isinstance(content, str) else bytes(content))

    def text(self) -> str:
        """Return it as a str, to be used at once and kept in no variable."""
        return os.fsdecode(self.reveal())

    def digest(self) -> bytes:
        """Return what distinguishes this secret from others, within this process alone."""
        return hashlib.blake2b(self.reveal(), key=_OF_THIS_PROCESS).digest()

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __repr__(self) -> str:
        return "<secret>"


def _encoded(text: str) -> bytes:
    """Encode any str: an error would show it."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


_OF_THIS_PROCESS = os.urandom(32)


def holds_key(text: str) -> bool:
    """Return whether ``text`` has a private key in it."""
    return _KEY.search(text) is not None


def may_hold_key_text(text: str) -> bool:
    """Return whether a message must not show ``text``: a long word looks like key text too."""
    return holds_key(text) or _MAY_BE_KEY.search(text) is not None


def quoted(value: object) -> str:
    """Return the repr of ``value`` for a message: short, and redacted if it may be a key.

    A function is redacted too: a partial one has its arguments in it.
    """
    try:
        text = f"<{type(value).__name__}>" if callable(value) else repr(value)
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
