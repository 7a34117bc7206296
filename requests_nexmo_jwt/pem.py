"""The PEM text of a private key, and what is wrong with it.

Nothing here raises inside an ``except`` block: there the new error would carry the old one in
__context__, and cryptography's messages quote the lines of a PEM that it could not read.
"""

from __future__ import annotations

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .errors import EncryptedKeyError, PrivateKeyError
from .redaction import Secret

_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,30})-----")
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,20}PRIVATE KEY)-----((?:(?!-----BEGIN ).)*?)-----END \1-----",
    re.DOTALL,
)


def is_pem(text: str | bytes) -> bool:
    """Tell whether ``text`` is PEM, rather than a path."""
    return "-----BEGIN" in text if isinstance(text, str) else b"-----BEGIN" in text


def parse(
    pem: Secret, origin: str, passphrase: Secret | None, *, path: str | None = None
) -> tuple[RSAPrivateKey, str]:
    """Return the RSA key in ``pem``, of whatever size, and the name of its form.

    ``origin`` is the subject of the sentence that says what is wrong; ``path`` is the file's.
    Raises ``PrivateKeyError``, or ``EncryptedKeyError`` where the passphrase is missing or wrong.
    """
    pem, problem = _unframe(pem)
    if problem:
        raise PrivateKeyError(f"{origin} {problem}", path=path)
    is_encrypted = pem.find(b"ENCRYPTED") >= 0
    if is_encrypted and passphrase is None:
        raise EncryptedKeyError(
            f"{origin} is encrypted, and no passphrase was given. Set the environment variable "
            "VONAGE_PRIVATE_KEY_PASSPHRASE, or in Python give passphrase=.",
            path=path,
            passphrase_missing=True,
        )
    key = _load(pem, passphrase if is_encrypted else None)
    if isinstance(key, RSAPrivateKey):
        standard = "PKCS#1" if pem.startswith(b"-----BEGIN RSA") else "PKCS#8"
        return key, f"{'encrypted ' if is_encrypted else ''}{standard} PEM"
    if key is None and is_encrypted:
        raise EncryptedKeyError(
            f"{origin} is encrypted, and the passphrase that was given does not open it. Give the "
            "right passphrase; if it is right, the file is damaged.",
            path=path,
        )
    raise PrivateKeyError(f"{origin} {_no_rsa_key(key)}", path=path)


def _load(pem: Secret, passphrase: Secret | None) -> object:
    """Return the key, None where there is none, and an ``UnsupportedAlgorithm`` as it is."""
    try:
        return load_pem_private_key(pem, passphrase)
    except UnsupportedAlgorithm as error:
        return error
    except (ValueError, TypeError):
        return None


def _no_rsa_key(loaded: object) -> str:
    if loaded is None:
        return (
            "is damaged: its BEGIN and END lines are there, but what stands between them is no "
            "key. Copy the file again, or make a new key in the Vonage dashboard."
        )
    if isinstance(loaded, UnsupportedAlgorithm):
        return (
            "is of a kind that the cryptography package does not know. Convert it to an "
            "unencrypted PKCS#8 PEM with 'openssl pkey'."
        )
    return f"is {kind(loaded)}, and Nexmo takes RSA keys only. Give the application's RSA key."


def _unframe(pem: Secret) -> tuple[Secret, str | None]:
    """Return the lines of the private key in ``pem``, and what is wrong around its base64.

    Parsers tell the second badly or not at all, and not every release of cryptography
    overlooks quotes, a byte order mark or indentation around the lines.
    """
    # Line ends written as two characters each, and those of Windows and old Macs.
    text = re.sub(rb"(\\r)?\\n|\r\n?", b"\n", pem)
    block = _BLOCK.search(text)
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
    labels = [label.decode() for label in _LABEL.findall(text)]
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


def kind(thing: object) -> str:
    """Name the type of ``thing`` without showing it."""
    name = type(thing).__name__.lstrip("_")
    for ending, words in (("PrivateKey", "a private key"), ("PublicKey", "a public key")):
        if name.endswith(ending):
            return f"{words} of another kind ({name})"
    return "None" if thing is None else f"of type {name}"
