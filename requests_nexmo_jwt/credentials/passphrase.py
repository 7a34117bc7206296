"""Asking for the passphrase of an encrypted key, on the terminal."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TypeVar

from ..errors import EncryptedKeyError
from ..redaction import Secret

_Loaded = TypeVar("_Loaded")


def ask_if_missing(load: Callable[[Secret | None], _Loaded], *, may_ask: bool = True) -> _Loaded:
    """Return what ``load`` returns for no passphrase, or for one that was typed.

    A person is asked once, if ``load`` raises that the passphrase is missing, there is a terminal,
    and ``may_ask``.
    """
    try:
        return load(None)
    except EncryptedKeyError as error:
        passphrase = _ask(error) if may_ask and error.passphrase_missing else None
        if passphrase is None:
            raise
    return load(passphrase)


def _ask(error: EncryptedKeyError) -> Secret | None:
    """Return what is typed, or None without a terminal, for nothing, or for what is not text."""
    try:
        with open("/dev/tty", "rb"):  # if getpass cannot open it, it reads from stdin
            prompt = f"Passphrase for {error.path or 'the private key'}: "
            return Secret(getpass.getpass(prompt)) or None
    except (OSError, EOFError, UnicodeDecodeError):
        return None
