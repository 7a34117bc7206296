"""What can go wrong, in the user's words.

Every message says what was wrong, where it came from and what to do now. None
holds private key text, and none is chained to an exception that might: a
parser's message quotes what it could not read.
"""

from __future__ import annotations

import re

from requests import RequestException

# A key in PEM, or a line of its base64, which is 64 characters long.
_KEY_TEXT = re.compile(r"-----BEGIN|PRIVATE KEY-----|[A-Za-z0-9+/=]{60}")


#: Says of the text of a key that it was given on a command line.
KEY_ON_A_COMMAND_LINE = (
    "There is a private key in it, and every process on this machine can read a command line. "
    "Save the key to a file and give its path."
)


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


class NexmoJWTError(RequestException):
    """Base of every error raised by this package.

    It is a ``requests.RequestException``, so code that already catches what
    requests raises catches this too.
    """


class CredentialsError(NexmoJWTError):
    """The application id or the key is missing, empty or not of a usable form."""


class PrivateKeyError(NexmoJWTError):
    """A private key cannot be read, Nexmo would not take its signatures, or it may not travel.

    ``path`` is the key file it is about, or None where the key was no file.
    """

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class EncryptedKeyError(PrivateKeyError):
    """A private key is encrypted, and its passphrase is missing or wrong.

    ``passphrase_missing`` tells which.
    """

    def __init__(
        self, message: str, *, path: str | None = None, passphrase_missing: bool = False
    ) -> None:
        super().__init__(message, path=path)
        self.passphrase_missing = passphrase_missing


class ClaimError(NexmoJWTError):
    """A claim breaks one of Nexmo's rules, so that every token would be refused.

    ``claim`` is the name of the argument or claim it is about.
    """

    def __init__(self, message: str, *, claim: str | None = None) -> None:
        super().__init__(message)
        self.claim = claim


class ScopeError(NexmoJWTError):
    """A URL may not have a token, or an entry of ``hosts`` is not of a usable form.

    ``host`` is the host that would have got it, or None.
    """

    def __init__(self, message: str, *, host: str | None = None) -> None:
        super().__init__(message)
        self.host = host


class TokenError(NexmoJWTError):
    """What was given to be inspected is no JSON Web Token."""
