"""The PEM text of a private key, and what is wrong with it.

Nothing here raises inside an ``except`` block: there the new error would carry the old one in
__context__, and cryptography's messages quote the lines of a PEM that it could not read.
"""

from __future__ import annotations

import base64
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import suppress
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..errors import CredentialsError, EncryptedKeyError, PrivateKeyError
from ..redaction import Secret

#: Holds the passphrase of an encrypted key, wherever the key comes from.
PASSPHRASE_VARIABLE = "VONAGE_PRIVATE_KEY_PASSPHRASE"  # noqa: S105 - a name

_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,30})-----")
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,20}PRIVATE KEY)-----((?:(?!-----BEGIN ).)*?)-----END \1-----",
    re.DOTALL,
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")

# Those of an encrypted PKCS#1, with the initialization vector of its cipher.
_HEADERS = re.compile(
    rb"(Proc-Type: ?4,ENCRYPTED).*?"
    rb"(DEK-Info: ?(?:AES-[0-9]+-CBC,[0-9A-Fa-f]{32}|DES-[A-Z0-9-]+,[0-9A-Fa-f]{16}))",
    re.DOTALL,
)

# What environments, JSON and YAML leave between the lines of a PEM: line ends, also written as
# letters and escaped more than once, blanks, quotes, commas, no-break and zero-width spaces.
_BETWEEN = re.compile(rb"(?:\\+[rnt]?|[\s\"',]|\xc2\xa0|\xe2\x80\x8b|\xef\xbb\xbf)+")

# Lines of 64 characters, of base64, with the same between any two of them, whatever it is.
_REGULAR = re.compile(
    rb"(.{1,40}?)\1?([A-Za-z0-9+/]{64}(?:\1[A-Za-z0-9+/]{64})*)\1([A-Za-z0-9+/]{1,64}?={0,2})(?:\1)?",
    re.DOTALL,
)

# How base64 of "-----BEGIN" begins, perhaps after a byte order mark: CI systems store a PEM so.
_ENCODED = re.compile(rb"(?:[\s\"']|\xef\xbb\xbf)*(?:77u/)?LS0tLS1CRUdJTi")


class KeyName(NamedTuple):
    """What errors about a key are about: the argument, variable or field that it came from.

    ``path`` is the file that this names, or None if it is the text of the key, or a key object.
    """

    name: str
    path: str | None = None

    def error(self, problem: str, remedy: str, **fields: Any) -> PrivateKeyError:
        """Return the error for ``problem``, a clause whose subject is the key."""
        kind = EncryptedKeyError if "passphrase_missing" in fields else PrivateKeyError
        clause = problem if self.path is None else f"names {self.path!r}, which {problem}"
        return kind(self.name, clause, remedy, path=self.path, **fields)


def is_pem(text: str | bytes) -> bool:
    """Return whether ``text`` is PEM, or base64 of it, rather than a path."""
    content = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return b"-----BEGIN" in content or _ENCODED.match(content) is not None


def key_on_a_command_line(subject: str) -> CredentialsError:
    """Return the error for the text of a key where its path is expected."""
    problem = "contains a private key, and any process on this machine can read a command line"
    return CredentialsError(subject, problem, "Save the key to a file and give its path.")


def parse(text: Secret, name: KeyName, passphrase: Secret | None) -> tuple[RSAPrivateKey, str]:
    """Return the RSA key in ``text``, of whatever size, and the name of its form.

    Raises ``PrivateKeyError``, or ``EncryptedKeyError`` if the passphrase is missing or wrong.
    """
    try:
        pem, problem, remedy = _unframe(text)
    except BaseException as error:  # a time limit, say; the frame below shows the key
        raise error.with_traceback(None) from None
    if problem:
        raise name.error(problem, remedy)
    is_encrypted = b"ENCRYPTED" in pem.reveal()
    if is_encrypted and passphrase is None:
        problem = "is encrypted, and no passphrase was given"
        remedy = f"Pass passphrase=, or set {PASSPHRASE_VARIABLE}."
        raise name.error(problem, remedy, code="passphrase-missing", passphrase_missing=True)
    key = _load(pem, passphrase if is_encrypted else None)
    if isinstance(key, RSAPrivateKey):
        standard = "PKCS#1" if pem.reveal().startswith(b"-----BEGIN RSA") else "PKCS#8"
        return key, f"{'encrypted ' if is_encrypted else ''}{standard} PEM"
    if key is None and is_encrypted:
        problem = "is encrypted, and the passphrase does not decrypt it"
        remedy = (
            f"Check passphrase=, or {PASSPHRASE_VARIABLE}. If it is correct, the key is damaged."
        )
        if passphrase and passphrase.reveal() != passphrase.reveal().strip(b" \t\r\n\"'"):
            remedy = (
                "Leave out the quotes or blanks around the passphrase, if they are not part of it."
            )
        raise name.error(problem, remedy, passphrase_missing=False)
    raise name.error(*_in_loaded(key))


def _load(pem: Secret, passphrase: Secret | None) -> object:
    """Return the key, None if there is none, or an ``UnsupportedAlgorithm`` as it is."""
    try:
        key = load_pem_private_key(
            pem.reveal(),
            passphrase.reveal() if passphrase else None,
            unsafe_skip_rsa_key_validation=True,
        )
    except UnsupportedAlgorithm as error:
        return error
    except (ValueError, TypeError):
        return None
    return key if not isinstance(key, RSAPrivateKey) or _is_sound(key) else None


def _is_sound(key: RSAPrivateKey) -> bool:
    """Return whether the numbers of ``key`` belong together (RFC 8017, section 3.2).

    This replaces OpenSSL's proof that the primes are prime, which costs as much as 150
    signatures. A damaged number does not pass. A composite that was forged to be a pseudoprime
    to base 2 does; an attacker who can forge one can write your key file.
    """
    try:
        # No number of the key in a variable: a time limit may raise here, with this frame shown.
        numbers = key.private_numbers()
        e = numbers.public_numbers.e
        return (
            e >= 3
            and e % 2 == 1
            and min(numbers.p, numbers.q) > 1
            and numbers.p * numbers.q == numbers.public_numbers.n
            and numbers.d * e % (numbers.p - 1) == numbers.d * e % (numbers.q - 1) == 1
            and numbers.dmp1 == numbers.d % (numbers.p - 1)
            and numbers.dmq1 == numbers.d % (numbers.q - 1)
            and 0 < numbers.iqmp < numbers.p
            and numbers.iqmp * numbers.q % numbers.p == 1
            and pow(2, numbers.p - 1, numbers.p) == pow(2, numbers.q - 1, numbers.q) == 1
        )
    except (ValueError, ArithmeticError):
        return False


def _unframe(pem: Secret) -> tuple[Secret, str, str]:
    """Return the lines of the private key in ``pem``; what is wrong around its base64; a remedy.

    Parsers report the second badly or not at all, and refuse a good key for what stands between its
    lines.
    """
    text = pem.reveal()
    if text[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):  # as PowerShell writes files
        text = text.decode("utf-16", "replace").encode()
    if _ENCODED.match(text):
        with suppress(ValueError):
            text = base64.b64decode(_BETWEEN.sub(b"", text), validate=True)
    block = _BLOCK.search(text)
    if block is None:
        return pem, *_without_block(text)
    if block[1] == b"OPENSSH PRIVATE KEY":
        remedy = "Convert a copy of it with 'ssh-keygen -p -m PEM -f COPY'."
        return pem, "is in OpenSSH's own format", remedy
    headers = _HEADERS.search(block[2])
    body = block[2][headers.end() :] if headers else block[2]
    regular, body = _REGULAR.fullmatch(body), _BETWEEN.sub(b"", body)
    if regular:
        full, step = regular[2], 64 + len(regular[1])
        starts = range(0, len(full), step)
        body = b"".join(full[start : start + 64] for start in starts) + regular[3]
    if not _BASE64.fullmatch(body):
        problem = "has something between its BEGIN and END lines that is not base64"
        return pem, problem, "Copy the key again, as the Vonage dashboard saved it, line by line."
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    begin, end = b"-----BEGIN " + block[1] + b"-----", b"-----END " + block[1] + b"-----"
    head = [begin, *headers.groups(), b""] if headers else [begin]
    return Secret(b"\n".join([*head, *lines, end, b""])), "", ""


def _without_block(text: bytes) -> tuple[str, str]:
    labels = [label.decode() for label in _LABEL.findall(text)]
    if any(label.endswith("PRIVATE KEY") for label in labels):
        return "is cut short: it has a BEGIN line but no END line of its own", "Copy it whole."
    if labels:
        return (
            f"contains a {labels[0].lower()}, not a private key",
            "Give the private key that belongs to it: Vonage keeps the public key, you sign with "
            "the private key.",
        )
    if not text.strip():
        return "is empty", "Download the key again, or give the path of the right file."
    return (
        "has no '-----BEGIN ... PRIVATE KEY-----' line, so it is not PEM",
        "Give the private key as Vonage's dashboard saved it, or convert it with 'openssl pkey'.",
    )


def _in_loaded(loaded: object) -> tuple[str, str]:
    if loaded is None:
        problem = "is damaged: the text between its BEGIN and END lines is not a key"
        return problem, "Copy the file again, or make a new key in the Vonage dashboard."
    if isinstance(loaded, UnsupportedAlgorithm):
        problem = "is of a kind that the cryptography package does not know"
        return problem, "Convert it to an unencrypted PKCS#8 PEM with 'openssl pkey'."
    return f"is {kind(loaded)}, and not an RSA key", "Give the application's RSA key."


def kind(thing: object) -> str:
    """Name the type of ``thing`` without showing it."""
    name = type(thing).__name__.lstrip("_")
    for ending, words in (("PrivateKey", "a private key"), ("PublicKey", "a public key")):
        if name.endswith(ending):
            return f"{words} of another kind ({name})"
    return "None" if thing is None else f"of type {name}"
