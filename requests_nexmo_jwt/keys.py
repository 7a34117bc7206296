"""A private key that is current: of a file that may change, of PEM text, of a key object.

A key is checked here once, when it is loaded, so that a bad one fails before the first request.
Parsing costs a hundred signatures: cryptography tests the primes of every key it loads. So a file
is parsed again only when it has changed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import threading

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import pem
from .errors import PrivateKeyError
from .redaction import Secret, may_hold_key_text

_log = logging.getLogger(__package__)

#: RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used".
MIN_KEY_BITS = 2048

# A 16384-bit key in PEM has 13 kB; whatever is larger is no key, or /dev/zero.
_MAX_KEY_FILE_BYTES = 1 << 20

_CONTROL = re.compile(r"[\0-\x1f\x7f]")  # in no path that people type

#: Held by the one thread that reads a changed file; the child of a fork gets one that is free.
loading: threading.Lock = threading.Lock()


def _free_lock() -> None:
    global loading
    loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_lock)


class Key:
    """A private key to sign with; this one never changes.

    ``form`` says in which form it was given, ``path`` in which file, None for no file.
    """

    path: str | None = None

    def __init__(self, key: RSAPrivateKey, form: str = "an object") -> None:
        self._hold(key, form)

    def _hold(self, key: RSAPrivateKey, form: str) -> None:
        self.form = form
        #: Of the public key; see ``fingerprint``.
        self.fingerprint: str = fingerprint(key)
        self._key = key

    def current(self) -> RSAPrivateKey:
        """Return the key to make the next signature with."""
        return self._key


class KeyFile(Key):
    """The private key in a file, which is looked at before each signature.

    When the file has changed, the new key is loaded, once, by one thread, while the
    others sign on with the old one. A new file that is missing, half-written or no
    key leaves the old key in use: one warning is logged for each such version.
    """

    path: str

    def __init__(self, path: str, passphrase: Secret | None, origin: str) -> None:
        self.path, self._passphrase, self._origin = path, passphrase, origin
        self._version, text = _read(path, origin)
        super().__init__(*self._parse(text))

    def current(self) -> RSAPrivateKey:
        """Return the key of the file as it is now, or else the last good one."""
        if _version(self.path) != self._version and loading.acquire(blocking=False):
            try:
                self._renew()
            finally:
                loading.release()
        return self._key

    def _renew(self) -> None:
        version = _version(self.path)
        if version == self._version:
            return  # another thread was faster
        try:
            if version is None and os.path.exists(self.path):
                raise PrivateKeyError(f"{self._origin} is no regular file any more.")
            version, text = _read(self.path, self._origin)
            key, form = self._parse(text)
        except PrivateKeyError as error:
            _log.warning("%s Until then the key loaded before signs: %s", error, self.fingerprint)
        else:
            self._hold(key, form)
            _log.info("%s was read anew; the key that signs: %s", self._origin, self.fingerprint)
        # Not before: the child of a fork in between must read this version itself.
        self._version = version

    def _parse(self, text: Secret) -> tuple[RSAPrivateKey, str]:
        key, form = pem.parse(text, self._origin, self._passphrase, path=self.path)
        return _strong(key, self._origin, path=self.path), form


def load(private_key: object, passphrase: object = None, *, name: str = "private_key") -> Key:
    """Return the RSA key that ``private_key`` is, holds or leads to.

    Accepted: an absolute path, as ``resolve`` returns it, PEM as str or bytes, or a cryptography
    ``RSAPrivateKey``. ``passphrase`` (str or bytes) opens an encrypted PEM and is ignored where
    the PEM is not encrypted. ``name`` is the argument, variable or field that ``private_key``
    came from.

    Raises ``PrivateKeyError``, or ``EncryptedKeyError`` where the passphrase is missing or wrong.
    """
    if isinstance(private_key, RSAPrivateKey):
        return Key(_strong(private_key, f"The {name} object"))
    secret = _secret(passphrase)
    if isinstance(private_key, (str, bytes)) and pem.is_pem(private_key):
        origin = f"{name} (PEM text)"
        key, form = pem.parse(Secret.of(private_key), origin, secret)
        return Key(_strong(key, origin), form)
    if isinstance(private_key, str):
        by = "" if name == "private_key" else f", named by {name},"
        return KeyFile(private_key, secret, f"Private key file {private_key!r}{by}")
    if isinstance(private_key, bytes):
        raise PrivateKeyError(
            f"{name} is bytes without a '-----BEGIN' line. Bytes are taken as PEM; give a "
            "path as a str or a Path, or the whole text of the key file."
        )
    raise PrivateKeyError(
        f"{name} is {pem.kind(private_key)}. Give the path of a PEM file, PEM text, or an "
        "RSAPrivateKey of the cryptography package."
    )


def resolve(path: str | os.PathLike[str], *, name: str = "private_key", folder: str = "") -> str:
    """Return the path of a key file, relative to ``folder``, absolute and with ``~`` expanded.

    Raises ``PrivateKeyError`` where ``path`` is empty, or names no file and may
    be key text that lost its first line: then it is not shown.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        text = ""
    if not text.strip():
        raise PrivateKeyError(f"{name} is empty. Give the path of the key file, or PEM text.")
    if pem.is_pem(text):
        raise PrivateKeyError(
            f"{name} is a Path made of PEM text, which a Path alters. Give the text as a str."
        )
    absolute = absolute_path(text, folder)
    # A long path has slashes, and so has base64; what stands before a name in a folder is a path.
    is_in_a_folder = os.path.isdir(os.path.dirname(absolute))
    unknown = os.path.basename(text) if is_in_a_folder else text
    if (may_hold_key_text(unknown) or _CONTROL.search(text)) and not os.path.exists(absolute):
        raise PrivateKeyError(
            f"{name} was taken as a path, since it has no '-----BEGIN' line, but there is no "
            f"such file. It is not shown here: its {len(text)} characters may be key text. Give "
            "the path of the key file. Where the text of a key is taken, it is taken whole, "
            "'-----BEGIN' line included."
        )
    return absolute


def absolute_path(path: str, folder: str = "") -> str:
    """Return ``path`` absolute, with ``~`` expanded, also in a folder that is gone."""
    try:
        return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
    except (OSError, ValueError):
        return path


def fingerprint(key: RSAPrivateKey) -> str:
    """Return ``SHA256:`` and the hex digest of the public key (DER SubjectPublicKeyInfo).

    The same digest comes out of
    ``openssl pkey -in private.key -pubout -outform DER | openssl dgst -sha256``.
    """
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{hashlib.sha256(der).hexdigest()}"


def _version(file: str | int) -> tuple[int, ...] | None:
    """Return what tells one version of a file from the next; None where it is no regular file.

    The time of a change of mode or owner is a part of it: it may make a file readable.
    """
    try:
        found = os.stat(file)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None  # a pipe, such as a shell's <(...), can be read only once
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _read(path: str, origin: str) -> tuple[tuple[int, ...] | None, Secret]:
    """Return the version and the text of a key file; what is wrong is raised past the ``except``.

    There the error would carry the other one in its __context__.
    """
    try:
        with open(path, "rb") as file:
            version = _version(file.fileno())
            text = Secret(file.read(_MAX_KEY_FILE_BYTES + 1))
    except FileNotFoundError:
        problem = "does not exist. It was taken as a path; give the path of the key file"
    except IsADirectoryError:
        problem = "is a folder. Give the path of the key file in it"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}. Mend that, or give another path"
    except ValueError:
        problem = "has a character that no path has. Give the path of the key file"
    else:
        if len(text) <= _MAX_KEY_FILE_BYTES:
            return version, text
        problem = "is larger than 1 MiB, so it is no private key. Give the path of the key file"
    raise PrivateKeyError(f"{origin} {problem}.", path=path)


def _strong(key: RSAPrivateKey, origin: str, *, path: str | None = None) -> RSAPrivateKey:
    if key.key_size >= MIN_KEY_BITS:
        return key
    raise PrivateKeyError(
        f"{origin} is an RSA key of {key.key_size} bits; RS256 needs {MIN_KEY_BITS} or more "
        "(RFC 7518, section 3.3). Make a new key in the Vonage dashboard.",
        path=path,
    )


def _secret(passphrase: object) -> Secret | None:
    if passphrase is None or isinstance(passphrase, (str, bytes)):
        return Secret.of(passphrase) if passphrase else None
    raise PrivateKeyError(f"passphrase is {pem.kind(passphrase)}. Give it as str or bytes.")
