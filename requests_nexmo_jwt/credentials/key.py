"""A private key that is current: of a file that may change, of PEM text, of a key object.

A key is checked here once, when it is loaded, so that a bad one fails before the first request.
Within a process each version of a file, and each PEM text, is parsed once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from contextlib import suppress
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import PrivateKeyError
from ..redaction import Secret, may_hold_key_text
from . import pem
from .files import Version, read_file, version_of

_log = logging.getLogger("requests_nexmo_jwt")

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


class Loaded(NamedTuple):
    """A key that has been loaded and checked, with the name of its form and its fingerprint."""

    private: RSAPrivateKey
    form: str
    fingerprint: str


class Key:
    """A private key to sign with; this one never changes."""

    #: The file that it is in, None for no file.
    path: str | None = None

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def current(self) -> Loaded:
        """Return the key to make the next signature with."""
        return self._loaded

    @property
    def fingerprint(self) -> str:
        """That of the public key of the last signature, or the first; see ``fingerprint``."""
        return self._loaded.fingerprint


class KeyFile(Key):
    """The private key in a file, which is checked for changes before each signature.

    When the file has changed, the new key is loaded, once, by one thread, while the
    others sign on with the old one. A new file that is missing, half-written or no
    key leaves the old key in use: one warning is logged for each such version.
    """

    path: str

    def __init__(self, path: str, passphrase: Secret | None, origin: str) -> None:
        self.path, self._passphrase, self._origin = path, passphrase, origin
        self._version, loaded = self._load()
        super().__init__(loaded)

    def current(self) -> Loaded:
        """Return the key of the file as it is now, or else the last good one."""
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
                raise PrivateKeyError(f"{self._origin} is no longer a regular file.")
            version, self._loaded = self._load()
        except PrivateKeyError as error:
            _log.warning(
                "%s Still signing with the previously loaded key: %s", error, self.fingerprint
            )
        else:
            _log.info("%s was reloaded; now signing with %s", self._origin, self.fingerprint)
        # Not before: the child of a fork in between must read this version itself.
        self._version = version

    def _load(self) -> tuple[Version | None, Loaded]:
        """Load the file, or remember what this version of it was loaded to before."""
        name = (self.path, self._passphrase.digest() if self._passphrase else b"")
        version = version_of(self.path)
        loaded = _remembered(name, version) if version else None
        if loaded:
            return version, loaded
        version, text = _read(self.path, self._origin)
        loaded = _parsed(text, self._origin, self._passphrase, path=self.path)
        if version:
            _remember(name, version, loaded)
        return version, loaded


def concealed(argument: object) -> Any:
    """Return a key or a passphrase, as it was given, in a form that frames may hold.

    That is a key object as it is, or a ``Secret``; None stays None.
    """
    if argument is None or isinstance(argument, (RSAPrivateKey, RSAPublicKey, Secret)):
        return argument
    if isinstance(argument, (str, bytes)):
        return Secret(argument, "str" if isinstance(argument, str) else "bytes")
    if isinstance(argument, os.PathLike):
        return Secret(os.fspath(argument), "a path")
    return Secret("", pem.kind(argument))


def load(private_key: object, passphrase: Secret | None = None, *, name: str) -> Key:
    """Return the RSA key that ``private_key`` is, holds or leads to.

    Accepted: an absolute path, as ``resolve`` returns it, PEM as a ``Secret``, or a cryptography
    ``RSAPrivateKey``. ``passphrase`` opens an encrypted PEM and is ignored where the PEM is not
    encrypted. ``name`` is the argument, variable or field that ``private_key`` came from.

    Raises ``PrivateKeyError``, or ``EncryptedKeyError`` where the passphrase is missing or wrong.
    """
    if isinstance(private_key, RSAPrivateKey):
        _check_size(private_key, f"The {name} object")
        return Key(Loaded(private_key, "an object", fingerprint(private_key.public_key())))
    if isinstance(private_key, str):
        by = "" if name == "private_key" else f", named by {name},"
        return KeyFile(private_key, passphrase, f"Private key file {private_key!r}{by}")
    if isinstance(private_key, Secret) and pem.is_pem(private_key.reveal()):
        digests = (private_key.digest(), passphrase.digest() if passphrase else b"")
        loaded = _remembered(digests, ())
        if loaded is None:
            loaded = _parsed(private_key, f"{name} (PEM text)", passphrase)
            _remember(digests, (), loaded)
        return Key(loaded)
    if isinstance(private_key, Secret) and private_key.kind == "bytes":
        raise PrivateKeyError(
            f"{name} is bytes without a '-----BEGIN' line. Bytes are treated as PEM; give a "
            "path as a str or a Path, or the whole text of the key file."
        )
    kind = private_key.kind if isinstance(private_key, Secret) else pem.kind(private_key)
    raise PrivateKeyError(
        f"{name} is {kind}. Give the path of a PEM file, PEM text, or an "
        "RSAPrivateKey of the cryptography package."
    )


def resolve(path: str | Secret, *, name: str = "private_key", folder: str = "") -> str:
    """Return the path of a key file, relative to ``folder``, absolute and with ``~`` expanded.

    Raises ``PrivateKeyError`` where ``path`` is empty, or names no file and may
    be key text that lost its first line: then it is not shown.
    """
    path = path if isinstance(path, Secret) else Secret(path)
    if not path.reveal().strip():
        raise PrivateKeyError(f"{name} is empty. Give the path of the key file, or PEM text.")
    if pem.is_pem(path.reveal()):
        raise PrivateKeyError(
            f"{name} is a Path made of PEM text, which a Path alters. Give the text as a str."
        )
    file = _file_within_quotes(path, folder)
    if file:
        raise PrivateKeyError(
            f"{name} has quotes or blanks around the path of a file, {file!r}. Leave them out."
        )
    absolute = _shown_path(path, folder)
    if absolute is None and path.text().lstrip().startswith("{"):
        raise PrivateKeyError(
            f"{name} is JSON, perhaps a JWK (redacted). Convert the key to PEM, and give "
            "that or the path of its file."
        )
    if absolute is None:
        raise PrivateKeyError(
            f"{name} was treated as a path, since it has no '-----BEGIN' line, but no such file "
            f"exists. It is redacted: its {len(path.text())} characters may be key text. Give the "
            "path of the key file, or the whole text of the key, '-----BEGIN' line included."
        )
    return absolute


def _file_within_quotes(path: Secret, folder: str) -> str | None:
    """Return the absolute path of a file that was given with quotes or blanks around it."""
    bare = absolute_path(path.text().strip(" \t\r\n\"'"), folder)
    as_it_is = absolute_path(path.text(), folder)
    return bare if os.path.isfile(bare) and not os.path.exists(as_it_is) else None


def _shown_path(path: Secret, folder: str) -> str | None:
    """Return the absolute path, None where it names no file and may be key text."""
    absolute = absolute_path(path.text(), folder)
    # A long path has slashes, and so has base64; what stands before a name in a folder is a path.
    is_in_a_folder = os.path.isdir(os.path.dirname(absolute))
    unknown = os.path.basename(absolute) if is_in_a_folder else path.text()
    may_be_a_key = (
        may_hold_key_text(unknown)
        or _CONTROL.search(path.text())
        or path.text().lstrip().startswith("{")
    )
    return None if may_be_a_key and not os.path.exists(absolute) else absolute


def absolute_path(path: str, folder: str = "") -> str:
    """Return ``path`` absolute, with ``~`` expanded, also in a folder that is gone."""
    try:
        return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
    except (OSError, ValueError):
        return path


def fingerprint(public_key: RSAPublicKey) -> str:
    """Return ``SHA256:`` and the hex digest of a public key (DER SubjectPublicKeyInfo).

    The same digest comes out of
    ``openssl pkey -in private.key -pubout -outform DER | openssl dgst -sha256``.
    """
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{hashlib.sha256(der).hexdigest()}"


# What was loaded in this process: parsing costs many signatures, and people construct an auth
# object for each request. Nothing here is text of a key or a passphrase; failures are not kept.
_known: dict[tuple[str | bytes, bytes], tuple[Version, Loaded]] = {}
_MAX_KNOWN = 32


def _remembered(name: tuple[str | bytes, bytes], version: Version) -> Loaded | None:
    known = _known.get(name)
    return known[1] if known and known[0] == version else None


def _remember(name: tuple[str | bytes, bytes], version: Version, loaded: Loaded) -> None:
    _known[name] = version, loaded
    if len(_known) > _MAX_KNOWN:
        with suppress(KeyError, RuntimeError):  # another thread has made room
            del _known[next(iter(_known))]


def _read(path: str, origin: str) -> tuple[Version | None, Secret]:
    """Return the version and the text of a key file; what is wrong is raised past the ``except``.

    There the error would carry the other one in its __context__.
    """
    try:
        version, text = read_file(path, _MAX_KEY_FILE_BYTES + 1)
    except FileNotFoundError:
        problem = "does not exist. It was treated as a path; give the path of the key file"
    except IsADirectoryError:
        problem = "is a folder. Give the path of the key file in it"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}. Fix that, or give another path"
    except ValueError:
        problem = "has a character that a path cannot have. Give the path of the key file"
    else:
        if len(text.reveal()) <= _MAX_KEY_FILE_BYTES:
            return version, text
        problem = "is larger than 1 MiB, so it is not a private key. Give the path of the key file"
    raise PrivateKeyError(f"{origin} {problem}.", path=path)


def _parsed(
    text: Secret, origin: str, passphrase: Secret | None, *, path: str | None = None
) -> Loaded:
    key, form = pem.parse(text, origin, passphrase, path=path)
    _check_size(key, origin, path=path)
    return Loaded(key, form, fingerprint(key.public_key()))


def _check_size(key: RSAPrivateKey, origin: str, *, path: str | None = None) -> None:
    if key.key_size < MIN_KEY_BITS:
        raise PrivateKeyError(
            f"{origin} is an RSA key of {key.key_size} bits; RS256 needs {MIN_KEY_BITS} or more "
            "(RFC 7518, section 3.3). Make a new key in the Vonage dashboard.",
            path=path,
        )
