"""What was given as an application's id and its key, decided here and nowhere else.

It may be anything, a secret in the wrong place too. So what is given stays ``Hidden`` in each frame
that raises, and what a message shows is checked first.
"""

from __future__ import annotations

import os
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..errors import CredentialsError, PrivateKeyError
from ..redaction import Hidden, Secret, may_hold_key_text
from ..vonage.identifiers import holds_application_id, is_application_id
from . import pem
from .key import KeyObject, KeyPath, KeyText, PrivateKey, absolute_path


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
    key = private_key(given, key_name, folder, beside=application_id)
    return checked_id(application_id, id_name), key


def checked_id(application_id: Hidden[Any], name: str) -> str:
    """Return the id of an application; raise ``CredentialsError`` if it cannot be one."""
    if _may_be_id(application_id.reveal()):
        return cast(str, application_id.reveal())
    from . import mistakes  # only if there is one

    as_str = "" if isinstance(application_id.reveal(), str) else ", as a str"
    remedy = f"Give the id that Vonage's dashboard shows for the application{as_str}."
    raise CredentialsError(name, mistakes.in_id(application_id.reveal()), remedy)


def _may_be_id(value: object) -> bool:
    is_plain = isinstance(value, str) and value == value.strip(" \t\r\n\"'") and value.isprintable()
    if not is_plain or value == "" or may_hold_key_text(str(value)):
        return False
    return is_application_id(value) or not holds_application_id(str(value))


def private_key(
    given: Hidden[Any], name: str, folder: str = "", *, beside: Hidden[Any] | None = None
) -> PrivateKey:
    """Return where the key is: an object, PEM text, or the path of a file that may not exist.

    ``beside`` is the id that was given with it. Raises ``PrivateKeyError`` if it is none of them,
    and ``CredentialsError`` if it and the id were mixed up with something else.
    """
    if isinstance(given.reveal(), RSAPrivateKey):
        return KeyObject(given.reveal(), name)
    if isinstance(given.reveal(), (str, bytes)) and pem.is_pem(given.reveal()):
        return KeyText(Secret(given.reveal()), name)
    if not _is_existing_path(given.reveal(), folder):
        from . import mistakes  # only if there may be one

        found = mistakes.in_key(given.reveal(), beside.reveal() if beside else None, folder)
        if found:
            kind = CredentialsError if found.code else PrivateKeyError
            raise kind(name, found.problem, found.remedy, found.code)
    return KeyPath(absolute_path(os.fsdecode(given.reveal()), folder), name)


def _is_existing_path(given: object, folder: str) -> bool:
    if not isinstance(given, (str, os.PathLike)):
        return False
    path = os.fsdecode(given)
    return path.strip() != "" and os.path.exists(absolute_path(path, folder))


def passphrase(given: Hidden[Any]) -> Secret | None:
    """Return a passphrase that may be None; raise ``PrivateKeyError`` if it cannot be one."""
    if given.reveal() is None or isinstance(given.reveal(), Secret):
        return cast("Secret | None", given.reveal())
    problem, remedy = f"is of type {type(given.reveal()).__name__}", "Give it as str or bytes."
    if isinstance(given.reveal(), (str, bytes)):
        if not pem.is_pem(given.reveal()):
            return Secret(given.reveal())
        problem, remedy = "contains a private key", "Exchange private_key and passphrase."
    raise PrivateKeyError("passphrase", problem, remedy)
