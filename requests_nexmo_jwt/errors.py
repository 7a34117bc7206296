"""The errors, as data: what each is about, what is wrong, and what to do.

None holds private key text, and none is chained to an exception that might: a parser's message
quotes what it could not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from requests import RequestException


class NexmoJWTError(RequestException):
    """Base of every error raised by this package; ``str()`` of it is a sentence or two.

    It is a ``requests.RequestException``, so code that already catches what requests raises
    catches this too.

    :param subject: the name of what it is about: an argument, a variable, a file, an origin.
    :param problem: what is wrong with that, as the rest of the sentence.
    :param remedy: what to do, as a sentence or two in the words of Python.
    :param code: the kind of problem, as ``nexmo-jwt check --json`` prints it.
    """

    code: str = "error"

    def __init__(
        self, subject: str = "", problem: str = "", remedy: str = "", code: str = "", **fields: Any
    ) -> None:
        super().__init__()
        # Not by super().__init__: an OSError takes its arguments for a number and a file.
        self.args: tuple[Any, ...] = (subject, problem, remedy, code)
        self.subject: str = subject
        self.problem: str = problem
        self.remedy: str = remedy
        self.code = code or type(self).code
        vars(self).update(fields)

    def __str__(self) -> str:
        return Wording().sentence(self)


class CredentialsError(NexmoJWTError):
    """The application id or the key is missing, empty or not of a usable form.

    ``places`` are those that were checked, if no credentials were found; otherwise it is empty.
    """

    code = "credentials"
    places: tuple[str, ...] = ()


class PrivateKeyError(NexmoJWTError):
    """A private key cannot be read or used for RS256, or an auth object cannot be pickled.

    ``path`` is the key file that the error is about, or None if the key is not in a file.
    """

    code = "private-key"
    path: str | None = None


class EncryptedKeyError(PrivateKeyError):
    """A private key is encrypted, and its passphrase is missing or wrong.

    ``passphrase_missing`` says which.
    """

    passphrase_missing: bool = False


class ClaimError(NexmoJWTError):
    """A claim is not as Vonage documents it.

    ``claim`` is the name of the argument or claim that it is about.
    """

    code = "claim"
    claim: str | None = None


class ScopeError(NexmoJWTError):
    """A URL may not receive a token, or ``hosts`` or ``elsewhere`` is invalid.

    ``host`` is the host of that URL, or None; ``allowed`` what to add to ``hosts``, or None.
    """

    code = "scope"
    host: str | None = None
    allowed: object = None


class TokenError(NexmoJWTError):
    """What was given to be inspected is not a JSON Web Token."""

    code = "token"


class Wording(NamedTuple):
    """How an error reads for somebody who came by Python, by ``-a`` or by the command.

    ``names`` has another name for some subjects. ``remedies`` has another remedy for some codes; in
    it, ``{subject}`` and the like stand for what the error has.
    """

    names: Mapping[str, str] = {}
    remedies: Mapping[str, str] = {}

    def problem(self, error: NexmoJWTError) -> str:
        """Return what is wrong as a sentence."""
        subject = self.names.get(error.subject, error.subject)
        return " ".join(filter(None, (subject, error.problem))) + "."

    def remedy(self, error: NexmoJWTError) -> str:
        """Return what to do, as sentences."""
        remedy = self.remedies.get(error.code)
        return error.remedy if remedy is None else remedy.format_map(vars(error))

    def sentence(self, error: NexmoJWTError) -> str:
        """Return both, and a line for each place in which credentials were looked for."""
        text = f"{self.problem(error)} {self.remedy(error)}".rstrip()
        places = getattr(error, "places", ())
        return "\n  ".join([f"{text} Checked:", *places]) if places else text
