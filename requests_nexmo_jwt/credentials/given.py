"""What was given as an application's id and its key, decided here and nowhere else.

It may be anything, a secret in the wrong place too. So what is given stays ``Hidden`` in each frame
that raises, and what a message shows is checked first.
"""

from __future__ import annotations

import os
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..errors import CredentialsError, PrivateKeyError
from ..redaction import Hidden, Secret, may_hold_key_text, quoted
from ..vonage import identifiers
from . import pem
from .key import KeyObject, KeyPath, KeyText, PrivateKey

_CONTROL = re.compile(r"[\0-\x1f\x7f]")  # in no path that people type
_QUOTES = " \t\r\n\"'"

_FORMS = "Give the path of a PEM file, PEM text, or an RSAPrivateKey of the cryptography package."
_PATH_OR_TEXT = (
    "Give the path of the key file, or the whole text of the key, '-----BEGIN' included."
)


def pair(
    application_id: Hidden[Any],
    given: Hidden[Any],
    id_name: str = "application_id",
    key_name: str = "private_key",
    folder: str = "",
) -> tuple[str, PrivateKey]:
    """Return the id of an application and its key.

    The names are the arguments, variables or fields that both came from. A path is relative to
    ``folder``. Raises ``CredentialsError`` or ``PrivateKeyError``.
    """
    mistaken = _mistaken(application_id, given, folder)
    if mistaken == "swapped":
        raise CredentialsError(
            key_name,
            "looks like an application id; perhaps id and key were swapped",
            "Give the id first, then the key: NexmoJWT(ID, PATH).",
            mistaken,
        )
    if mistaken == "api-key":
        raise CredentialsError(
            id_name,
            "looks like an API key, and the key beside it like an API secret (redacted; if it "
            "names a key file, no such file exists)",
            "A token is signed with the id of an application, a UUID, and its private key. If a "
            "product takes key and secret, pass auth=(KEY, SECRET) instead.",
            mistaken,
        )
    return checked_id(application_id, id_name), private_key(given, key_name, folder)


def _mistaken(application_id: Hidden[Any], given: Hidden[Any], folder: str) -> str | None:
    """Return the code of the mistake if the two were probably mixed up with something else."""
    name, key = application_id.reveal(), given.reveal()
    if not isinstance(name, str) or not isinstance(key, (str, os.PathLike)):
        return None
    text = str(key)
    if os.path.exists(absolute_path(text, folder)):
        return None
    if identifiers.is_application_id(text.strip()):
        return "swapped"
    is_secret = identifiers.may_be_api_secret(text) or identifiers.may_be_secret(text)
    return "api-key" if identifiers.may_be_api_key(name) and is_secret else None


def checked_id(application_id: Hidden[Any], name: str) -> str:
    """Return the id of an application; raise ``CredentialsError`` if it cannot be one."""
    problem = _problem_of_id(application_id.reveal())
    if problem:
        raise CredentialsError(
            name,
            problem,
            "Give the id that Vonage's dashboard shows for the application, as a str.",
        )
    checked: str = application_id.reveal()
    return checked


def _problem_of_id(value: object) -> str | None:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and may_hold_key_text(text):
        return "contains a private key; perhaps id and key were swapped"
    if hasattr(value, "headers"):
        return "is a request: the class was passed, auth=NexmoJWT instead of auth=NexmoJWT()"
    if not isinstance(value, str):
        return f"is {quoted(value)}"
    if not value.strip():
        return "is empty"
    if identifiers.is_application_id(value.strip(_QUOTES)) and value != value.strip(_QUOTES):
        return "has quotes or blanks around the id"
    if value != value.strip() or not value.isprintable():
        return "has white space around it, or a character that cannot be printed"
    return None


def private_key(given: Hidden[Any], name: str, folder: str = "") -> PrivateKey:
    """Return where the key is: an object, PEM text, or the path of a file that may not exist.

    Raises ``PrivateKeyError`` if it is none of them, or if a path names no file and may be
    something else: then it is not shown.
    """
    if isinstance(given.reveal(), RSAPrivateKey):
        return KeyObject(given.reveal(), name)
    kind = type(given.reveal())
    if not issubclass(kind, (str, bytes, os.PathLike)):
        raise PrivateKeyError(name, f"is {pem.kind(given.reveal())}", _FORMS)
    text = Secret(os.fspath(given.reveal()))
    if pem.is_pem(text.reveal()):
        if not issubclass(kind, os.PathLike):
            return KeyText(text, name)
        problem = "is a Path made of PEM text, which a Path alters"
        raise PrivateKeyError(name, problem, "Give the text as a str.")
    if issubclass(kind, bytes):
        remedy = "Bytes are treated as PEM; give a path as a str or a Path, or the whole PEM text."
        raise PrivateKeyError(name, "is bytes without a '-----BEGIN' line", remedy)
    problem, remedy = _problem_of_path(text.text(), folder)
    if problem:
        raise PrivateKeyError(name, problem, remedy)
    return KeyPath(absolute_path(text.text(), folder), name)


def _problem_of_path(path: str, folder: str) -> tuple[str, str]:
    absolute, without = absolute_path(path, folder), absolute_path(path.strip(_QUOTES), folder)
    if not path.strip():
        return "is empty", "Give the path of the key file, or PEM text."
    if os.path.exists(absolute):
        return "", ""
    if os.path.isfile(without):
        return f"has quotes or blanks around the path of a file, {without!r}", "Leave them out."
    if path.lstrip().startswith("{"):
        return (
            "is JSON, perhaps a JWK (redacted)",
            "Convert the key to PEM, and give that or the path of its file.",
        )
    # A long path has slashes, and so has base64; what stands before a name in a folder is a path.
    is_in_a_folder = os.path.isdir(os.path.dirname(absolute))
    unknown = os.path.basename(absolute) if is_in_a_folder else path
    if may_hold_key_text(unknown) or _CONTROL.search(path):
        return (
            "was treated as a path, since it has no '-----BEGIN' line, but no such file exists. "
            f"It is redacted: its {len(path)} characters may be key text",
            "Give the path of the key file, or the whole key text, '-----BEGIN' line included.",
        )
    if identifiers.may_be_secret(path):
        return (
            "looks like an API, signature or OpenTok secret (redacted; if it names a key file, no "
            "such file exists)",
            "A token is signed with the application's private key: give the path of its file, or "
            "its PEM text.",
        )
    return "", ""


def absolute_path(path: str, folder: str = "") -> str:
    """Return ``path`` absolute, with ``~`` expanded, also in a folder that is gone."""
    try:
        return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
    except (OSError, ValueError):
        return path


def passphrase(given: Hidden[Any]) -> Secret | None:
    """Return a passphrase that may be None; raise ``PrivateKeyError`` if it cannot be one."""
    if given.reveal() is None or isinstance(given.reveal(), Secret):
        known: Secret | None = given.reveal()
        return known
    if isinstance(given.reveal(), (str, bytes)):
        return Secret(given.reveal())
    problem = f"is {pem.kind(given.reveal())}"
    raise PrivateKeyError("passphrase", problem, "Give it as str or bytes.")
