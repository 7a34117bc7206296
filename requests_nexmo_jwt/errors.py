"""What can go wrong, in the user's words.

Every message says what was wrong, where it came from and what to do now. None
holds private key text, and none is chained to an exception that might: a
parser's message quotes what it could not read.
"""

from __future__ import annotations

from requests import RequestException


class NexmoJWTError(RequestException):
    """Base of every error raised by this package.

    It is a ``requests.RequestException``, so code that already catches what
    requests raises catches this too.
    """


class CredentialsError(NexmoJWTError):
    """The application id or the key is missing, empty or not of a usable form."""


class PrivateKeyError(NexmoJWTError):
    """A private key cannot be read or used for RS256, or an auth object cannot be pickled.

    ``path`` is the key file that the error is about, or None if the key is not in a file.
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
    """A claim is not as Vonage documents it.

    ``claim`` is the name of the argument or claim it is about.
    """

    def __init__(self, message: str, *, claim: str | None = None) -> None:
        super().__init__(message)
        self.claim = claim


class ScopeError(NexmoJWTError):
    """A URL may not receive a token, or ``hosts`` or ``elsewhere`` is invalid.

    ``host`` is the host of that URL, or None.
    """

    def __init__(self, message: str, *, host: str | None = None) -> None:
        super().__init__(message)
        self.host = host


class TokenError(NexmoJWTError):
    """What was given to be inspected is not a JSON Web Token."""
