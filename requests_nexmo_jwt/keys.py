"""RSA private keys: from a path, from PEM text, from a key object.

A key is checked here once, when it is loaded, so that a bad one fails before
the first request. Parsing costs a hundred signatures: cryptography tests the
primes of every key it loads. So a file is parsed again only when it has changed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import threading

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from .errors import EncryptedKeyError, PrivateKeyError, may_hold_key_text

_log = logging.getLogger(__package__)

#: RFC 7518, section 3.3: "A key of size 2048 bits or larger MUST be used".
MIN_KEY_BITS = 2048

# A 16384-bit key in PEM has 13 kB; whatever is larger is no key, or /dev/zero.
_MAX_KEY_FILE_BYTES = 1 << 20

_PEM_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,30})-----")
_PEM_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,20}PRIVATE KEY)-----((?:(?!-----BEGIN ).)*?)-----END \1-----",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\0-\x1f\x7f]")  # in no path that people type
_FIRST_FOLDER = re.compile(r"(~?/)?[^/]+/")


class Secret(bytes):
    """Bytes that show nothing of themselves.

    Crash reporters print the local variables of each frame of a traceback.
    """

    @classmethod
    def of(cls, text: str | bytes) -> Secret:
        """Return ``text`` as a secret; any str will do, or the error would show it."""
        return cls(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


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
        self._version, pem = _read(path, origin)
        super().__init__(*self._parse(pem))

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
            if version is None and _exists(self.path):
                raise PrivateKeyError(f"{self._origin} is no regular file any more.")
            version, pem = _read(self.path, self._origin)
            key, form = self._parse(pem)
        except PrivateKeyError as error:
            _log.warning("%s Until then the key loaded before signs: %s", error, self.fingerprint)
        else:
            self._hold(key, form)
            _log.info("%s was read anew; the key that signs: %s", self._origin, self.fingerprint)
        # Not before: the child of a fork in between must read this version itself.
        self._version = version

    def _parse(self, pem: Secret) -> tuple[RSAPrivateKey, str]:
        return _parse(pem, self._origin, self._passphrase, path=self.path)


def load(private_key: object, passphrase: object = None, *, name: str = "private_key") -> Key:
    r"""Return the RSA key that ``private_key`` is, holds or leads to.

    Accepted: a path (str or ``os.PathLike``; ``~`` is expanded), PEM as str or
    bytes (PKCS#1 or PKCS#8, any line ends, also literal ``\n``), or a
    cryptography ``RSAPrivateKey``. ``passphrase`` (str or bytes) opens an
    encrypted PEM and is ignored where the PEM is not encrypted. ``name`` is the
    argument, variable or field that ``private_key`` came from.

    Raises ``PrivateKeyError``, or ``EncryptedKeyError`` where the passphrase is
    missing or wrong.
    """
    if isinstance(private_key, RSAPrivateKey):
        return Key(_strong(private_key, f"The {name} object", path=None))
    secret = _passphrase(passphrase)
    if isinstance(private_key, (str, bytes)) and is_pem(private_key):
        return Key(*_parse(Secret.of(private_key), f"{name} (PEM text)", secret, path=None))
    if isinstance(private_key, (str, os.PathLike)):
        path = resolve(private_key, name=name)
        by = "" if name == "private_key" else f", named by {name},"
        return KeyFile(path, secret, f"Private key file {path!r}{by}")
    if isinstance(private_key, bytes):
        raise PrivateKeyError(
            f"{name} is bytes without a '-----BEGIN' line. Bytes are taken as PEM; give a "
            "path as a str or a Path, or the whole text of the key file."
        )
    raise PrivateKeyError(
        f"{name} is {_kind(private_key)}. Give the path of a PEM file, PEM text, or an "
        "RSAPrivateKey of the cryptography package."
    )


def is_pem(private_key: str | bytes) -> bool:
    """Tell whether ``private_key`` is PEM text, rather than a path."""
    if isinstance(private_key, str):
        return "-----BEGIN" in private_key
    return b"-----BEGIN" in private_key


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
    absolute = absolute_path(text, folder)
    if is_pem(text):
        raise PrivateKeyError(
            f"{name} is a Path made of PEM text, which a Path alters. Give the text as a str."
        )
    # A long path has slashes, and so has base64: a path is told by its first folder.
    first = _FIRST_FOLDER.match(text)
    if (
        (may_hold_key_text(text) or _CONTROL.search(text))
        and not _exists(absolute)
        and not (first and _exists(absolute_path(first[0], folder)))
    ):
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


# Nothing below raises inside an ``except`` block: there the new error would carry the old one in
# __context__, and cryptography's messages quote the lines of a PEM that it could not read.


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:  # a NUL character
        return False


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
    try:
        with open(path, "rb") as file:
            version = _version(file.fileno())
            pem = Secret(file.read(_MAX_KEY_FILE_BYTES + 1))
    except FileNotFoundError:
        problem = "does not exist. It was taken as a path; give the path of the key file"
    except IsADirectoryError:
        problem = "is a folder. Give the path of the key file in it"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}. Mend that, or give another path"
    except ValueError:
        problem = "has a character that no path has. Give the path of the key file"
    else:
        if len(pem) <= _MAX_KEY_FILE_BYTES:
            return version, pem
        problem = "is larger than 1 MiB, so it is no private key. Give the path of the key file"
    raise PrivateKeyError(f"{origin} {problem}.", path=path)


def _parse(
    pem: Secret, origin: str, passphrase: Secret | None, *, path: str | None
) -> tuple[RSAPrivateKey, str]:
    """Load ``pem`` and name its form; ``origin`` is the subject of each message's sentence."""
    pem, problem = _unframe(pem)
    if problem:
        raise PrivateKeyError(f"{origin} {problem}", path=path)
    encrypted = pem.find(b"ENCRYPTED") >= 0
    if encrypted and passphrase is None:
        raise EncryptedKeyError(
            f"{origin} is encrypted, and no passphrase was given. Set the environment variable "
            "VONAGE_PRIVATE_KEY_PASSPHRASE, or in Python give passphrase=.",
            path=path,
            passphrase_missing=True,
        )
    failure: type[PrivateKeyError] = PrivateKeyError
    try:
        key = load_pem_private_key(pem, passphrase if encrypted else None)
    except UnsupportedAlgorithm:
        problem = (
            "is of a kind that the cryptography package does not know. Convert it to an "
            "unencrypted PKCS#8 PEM with 'openssl pkey'."
        )
    except (ValueError, TypeError):
        if encrypted:
            failure = EncryptedKeyError
            problem = (
                "is encrypted, and the passphrase that was given does not open it. Give the right "
                "passphrase; if it is right, the file is damaged."
            )
        else:
            problem = (
                "is damaged: its BEGIN and END lines are there, but what stands between them is "
                "no key. Copy the file again, or make a new key in the Vonage dashboard."
            )
    else:
        if isinstance(key, RSAPrivateKey):
            standard = "PKCS#1" if pem.startswith(b"-----BEGIN RSA") else "PKCS#8"
            form = f"{'encrypted ' if encrypted else ''}{standard} PEM"
            return _strong(key, origin, path=path), form
        problem = f"is {_kind(key)}, and Nexmo takes RSA keys only. Give the application's RSA key."
    raise failure(f"{origin} {problem}", path=path)


def _unframe(pem: Secret) -> tuple[Secret, str | None]:
    """Return the lines of the private key in ``pem``, and what is wrong around its base64.

    Parsers tell the second badly or not at all, and not every release of cryptography
    overlooks quotes, a byte order mark or indentation around the lines.
    """
    # Line ends written as two characters each, and those of Windows and old Macs.
    text = re.sub(rb"(\\r)?\\n|\r\n?", b"\n", pem)
    block = _PEM_BLOCK.search(text)
    if block and block[1] == b"OPENSSH PRIVATE KEY":
        return pem, (
            "is in OpenSSH's own format. Convert a copy of it with 'ssh-keygen -p -m PEM -f COPY'."
        )
    if block and b"\n" in block[2]:
        return Secret(b"\n".join(line.strip() for line in block[0].splitlines()) + b"\n"), None
    if block:
        return pem, (
            'has lost its line breaks. Keep them (in a shell, write "$KEY" with the quotes), or '
            "write each as \\n."
        )
    labels = [label.decode() for label in _PEM_LABEL.findall(text)]
    if any(label.endswith("PRIVATE KEY") for label in labels):
        return pem, "is cut short: it has a BEGIN line but no END line of its own. Copy it whole."
    if labels:
        return pem, (
            f"holds no private key but a {labels[0].lower()}. Give the private key that belongs "
            "to it: Vonage keeps the public one, you sign with the private one."
        )
    if not text.strip():
        return pem, "is empty. Download the key again, or give the path of the right file."
    return pem, (
        "has no '-----BEGIN ... PRIVATE KEY-----' line, so it is no PEM. Give the private key as "
        "Vonage's dashboard saved it, or convert it with 'openssl pkey'."
    )


def _strong(key: RSAPrivateKey, origin: str, *, path: str | None) -> RSAPrivateKey:
    if key.key_size >= MIN_KEY_BITS:
        return key
    raise PrivateKeyError(
        f"{origin} is an RSA key of {key.key_size} bits; RS256 needs {MIN_KEY_BITS} or more "
        "(RFC 7518, section 3.3). Make a new key in the Vonage dashboard.",
        path=path,
    )


def _passphrase(passphrase: object) -> Secret | None:
    if passphrase is None or isinstance(passphrase, (str, bytes)):
        return Secret.of(passphrase) if passphrase else None
    raise PrivateKeyError(f"passphrase is {_kind(passphrase)}. Give it as str or bytes.")


def _kind(thing: object) -> str:
    """Name the type of ``thing`` without showing it."""
    name = type(thing).__name__.lstrip("_")
    for ending, words in (("PrivateKey", "a private key"), ("PublicKey", "a public key")):
        if name.endswith(ending):
            return f"{words} of another kind ({name})"
    return "None" if thing is None else f"of type {name}"
