"""A private key: a file that may change, PEM text, or a key object.

``KeyPath``, ``KeyText`` and ``KeyObject`` are where one is; ``load`` makes a ``Key`` of each. It is
checked then, once, so that a bad one fails before the first request. Within a process each version
of a file, and each PEM text, is parsed once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import threading
from contextlib import suppress
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import PrivateKeyError
from ..redaction import Secret
from . import pem
from .pem import KeyName

_log = logging.getLogger("requests_nexmo_jwt")

#: RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used".
MIN_KEY_BITS = 2048

# A 16384-bit key in PEM has 13 kB; anything larger is not a key, or /dev/zero.
_MAX_KEY_FILE_BYTES = 1 << 20

#: Held by the one thread that loads a key; the child of a fork gets one that is free.
loading: threading.Lock = threading.Lock()


def _free_lock() -> None:
    global loading
    loading = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows has none
    os.register_at_fork(after_in_child=_free_lock)

#: What distinguishes one version of a file from the next.
Version = tuple[int, ...]


class Loaded(NamedTuple):
    """A key that has been loaded and checked, with the name of its form and its fingerprint."""

    private: RSAPrivateKey
    form: str
    fingerprint: str


class Key:
    """A private key to sign with; this one never changes."""

    #: The file that it is in, or None if it is in no file.
    path: str | None = None

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def current(self) -> Loaded:
        """Return the key to make the next signature with."""
        return self._loaded

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key that made the last signature, or that was loaded first."""
        return self._loaded.fingerprint


class KeyFile(Key):
    """The private key in a file, which is checked for changes before each signature.

    When the file has changed, the new key is loaded, once, by one thread, while the
    others sign on with the old one. A new file that is missing, half-written or not a
    key leaves the old key in use: one warning is logged for each such version.
    """

    path: str

    def __init__(self, name: KeyName, path: str, passphrase: Secret | None) -> None:
        self._name, self.path, self._passphrase = name, path, passphrase
        self._version, loaded = self._load()
        super().__init__(loaded)

    def current(self) -> Loaded:
        """Return the key in the file as it is now, or else the last good one."""
        if version_of(self.path) != self._version and loading.acquire(blocking=False):
            try:
                self._renew()
            finally:
                loading.release()
        return self._loaded

    def _renew(self) -> None:
        version = version_of(self.path)
        if version == self._version:
            return  # another thread was faster
        try:
            if version is None and os.path.exists(self.path):
                raise self._name.error("is no longer a regular file", "Put the key file back.")
            version, self._loaded = self._load()
        except PrivateKeyError as error:
            _log.warning(
                "%s Still signing with the previously loaded key: %s", error, self.fingerprint
            )
        else:
            _log.info("%r was reloaded; now signing with %s", self.path, self.fingerprint)
        # Not before: the child of a fork in between must read this version itself.
        self._version = version

    def _load(self) -> tuple[Version | None, Loaded]:
        """Load the file, or return what this version of it was loaded to before."""
        cached = (self.path, self._passphrase.digest() if self._passphrase else b"")
        version = version_of(self.path)
        loaded = _remembered(cached, version)
        if loaded is None:
            version, text = self._read()
            loaded = _checked(*pem.parse(text, self._name, self._passphrase), self._name)
            _remember(cached, version, loaded)
        return version, loaded

    def _read(self) -> tuple[Version | None, Secret]:
        """Return the version and the text of the file; no error of ours has a __context__."""
        remedy = "Give the path of the key file."
        try:
            version, text = read_file(self.path, _MAX_KEY_FILE_BYTES + 1)
        except FileNotFoundError:
            problem = "does not exist"
        except IsADirectoryError:
            problem, remedy = "is a folder", "Give the path of the key file in it."
        except OSError as error:
            problem, remedy = f"cannot be read: {error.strerror}", "Fix that, or give another path."
        except ValueError:
            problem = "has a character that a path cannot have"
        else:
            if len(text.reveal()) <= _MAX_KEY_FILE_BYTES:
                return version, text
            problem = "is larger than 1 MiB, so it is not a private key"
        raise self._name.error(problem, remedy)


class KeyPath(NamedTuple):
    """The path of a key file, absolute; ``name`` is the argument, variable or field with it."""

    path: str
    name: str

    form: str = "a path"

    def load(self, passphrase: Secret | None) -> Key:
        """Load the key; ``passphrase`` is ignored if the PEM is not encrypted.

        Raises ``PrivateKeyError``, or ``EncryptedKeyError`` if the passphrase is missing or wrong.
        """
        return KeyFile(KeyName(self.name, self.path), self.path, passphrase)


class KeyText(NamedTuple):
    """The PEM text of a key; ``name`` is the argument, variable or field with it."""

    text: Secret
    name: str

    form: str = "PEM text"

    def load(self, passphrase: Secret | None) -> Key:
        """Load the key as ``KeyPath.load`` does."""
        cached = (self.text.digest(), passphrase.digest() if passphrase else b"")
        loaded = _remembered(cached, ())
        if loaded is None:
            name = KeyName(self.name)
            loaded = _checked(*pem.parse(self.text, name, passphrase), name)
            _remember(cached, (), loaded)
        return Key(loaded)


class KeyObject(NamedTuple):
    """A key object of cryptography, or of ``remote``; ``name`` is the argument with it."""

    private: RSAPrivateKey
    name: str

    form: str = "a key object"

    def load(self, passphrase: Secret | None) -> Key:
        """Return the key; ``passphrase`` is ignored. Raises ``PrivateKeyError``."""
        return Key(_checked(self.private, "an object", KeyName(self.name)))


#: Where a private key is.
PrivateKey = KeyPath | KeyText | KeyObject


def fingerprint(public_key: RSAPublicKey) -> str:
    """Return ``SHA256:`` and the hex digest of a public key (DER SubjectPublicKeyInfo)."""
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{hashlib.sha256(der).hexdigest()}"


def absolute_path(path: str, folder: str = "") -> str:
    """Return ``path`` absolute, with ``~`` expanded, also in a folder that is gone."""
    try:
        return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
    except (OSError, ValueError):
        return path


def version_of(file: str | int) -> Version | None:
    """Return what distinguishes this version of a file, or None if it is not a regular file.

    The time of a change of mode or owner is a part of it: it may make a file readable.
    """
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # ValueError: a character that a path cannot have
        return None
    if not stat.S_ISREG(found.st_mode):
        return None  # a pipe, such as a shell's <(...), can be read only once
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def read_file(path: str, limit: int) -> tuple[Version | None, Secret]:
    """Return the version of a file and its first ``limit`` bytes; raise ``OSError``."""
    with open(path, "rb") as file:
        return version_of(file.fileno()), Secret(file.read(limit))


# What was loaded in this process: parsing costs many signatures, and people construct an auth
# object for each request. Nothing here is text of a key or a passphrase; failures are not kept.
_known: dict[tuple[str | bytes, bytes], tuple[Version, Loaded]] = {}
_MAX_KNOWN = 32


def _remembered(name: tuple[str | bytes, bytes], version: Version | None) -> Loaded | None:
    known_version, loaded = _known.get(name, (None, None))
    return loaded if known_version == version else None


def _remember(name: tuple[str | bytes, bytes], version: Version | None, loaded: Loaded) -> None:
    if version is not None:
        _known[name] = version, loaded
    if len(_known) > _MAX_KNOWN:
        with suppress(KeyError, RuntimeError):  # another thread has made room
            del _known[next(iter(_known))]


def _checked(private: RSAPrivateKey, form: str, name: KeyName) -> Loaded:
    if private.key_size < MIN_KEY_BITS:
        problem = f"is an RSA key of {private.key_size} bits; RS256 needs {MIN_KEY_BITS} or more"
        problem += " (RFC 7518, section 3.3)"
        raise name.error(problem, "Make a new key in the Vonage dashboard.")
    return Loaded(private, form, fingerprint(private.public_key()))
