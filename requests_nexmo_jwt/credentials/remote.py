"""A private key that never leaves its place, such as a KMS or an HSM: a function has it sign."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from ..errors import CredentialsError, PrivateKeyError
from ..redaction import Hidden, Secret
from . import pem
from .places import Credentials


@RSAPrivateKey.register
class RemoteKey:
    """All that is asked of an ``RSAPrivateKey``, for which it passes: it signs, and has a size."""

    def __init__(self, sign: Hidden[Callable[[bytes], bytes]], public_key: RSAPublicKey) -> None:
        self._sign, self._public_key = sign, public_key

    @property
    def key_size(self) -> int:
        """The size of the key in bits."""
        return self._public_key.key_size

    def public_key(self) -> RSAPublicKey:
        """Return the public key."""
        return self._public_key

    def sign(self, data: bytes, *how: object) -> bytes:
        """Return the signature of ``data`` that the function makes, RSASSA-PKCS1-v1_5 with SHA-256.

        Raises ``PrivateKeyError`` where it makes none, or one that the public key does not verify.
        """
        try:
            signature = self._sign.reveal()(data)
        except Exception as error:
            raise PrivateKeyError(
                f"sign raised {type(error).__name__}, the cause of this error, so there is no "
                "token. Check the service that holds the private key."
            ) from error
        if not isinstance(signature, bytes):
            problem = f"a {type(signature).__name__}, not bytes"
        elif self._verifies(signature, data):
            return signature
        else:
            problem = f"{len(signature)} bytes that are not a signature by the key of public_key"
        del signature  # a wrong public_key, and frames would have a whole token
        raise PrivateKeyError(
            f"sign returned {problem}, so there is no token. It has to return the "
            "RSASSA-PKCS1-v1_5 SHA-256 signature of the bytes that it is given; a service that "
            "signs a digest gets their SHA-256. And public_key has to belong to the key that signs."
        )

    def _verifies(self, signature: bytes, data: bytes) -> bool:
        try:
            self._public_key.verify(signature, data, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        return _remote_key, (self._sign, self._public_key.public_bytes(*form))


def _remote_key(sign: Hidden[Callable[[bytes], bytes]], public_pem: bytes) -> RemoteKey:
    return RemoteKey(sign, _public_key(Secret(public_pem, "bytes")))


class Remote(NamedTuple):
    """The arguments of ``NexmoJWT`` where a function signs; pickled, that function is."""

    application_id: str
    key: RemoteKey

    def read(self) -> Credentials:
        """Return the credentials."""
        source = "arguments: sign, with its public_key"
        return Credentials(self.application_id, self.key, "public_key", source, self)


def find(application_id: Any, sign: Hidden[Any], public_key: Any, private_key: Any) -> Credentials:
    """Return the credentials that ``sign`` and ``public_key`` give, as ``keys.concealed`` has it.

    Raises ``CredentialsError`` where one is missing, or there is a private key as well, and
    ``PrivateKeyError`` where ``public_key`` is of no use.
    """
    missing = ["application_id"] if application_id is None else []
    missing += ["sign"] if sign.reveal() is None else []
    missing += ["public_key"] if public_key is None else []
    if private_key is not None:
        problem = "sign replaces private_key and passphrase. Give only one of them"
    elif missing:
        verb = "is" if len(missing) == 1 else "are"
        problem = f"{' and '.join(missing)} {verb} missing. Give all three"
    elif not callable(sign.reveal()):
        kind = type(sign.reveal()).__name__
        problem = f"sign is of type {kind}. Give a function from bytes to bytes"
    elif iscoroutinefunction(sign.reveal()):
        problem = "sign is an async function, which nothing awaits. Give a plain one"
    else:
        return Remote(application_id, RemoteKey(sign, _public_key(public_key))).read()
    raise CredentialsError(f"{problem}: NexmoJWT(ID, sign=FUNCTION, public_key=PEM).")


def _public_key(given: RSAPublicKey | RSAPrivateKey | Secret) -> RSAPublicKey:
    if isinstance(given, RSAPublicKey):
        return given
    if not isinstance(given, Secret) or given.kind not in ("str", "bytes"):
        kind = given.kind if isinstance(given, Secret) else "a private key"
        raise PrivateKeyError(f"public_key is {kind}. Give an RSAPublicKey, or its PEM text.")
    if b"PRIVATE KEY" in given.reveal():
        raise PrivateKeyError(
            "public_key contains a private key (redacted). Give the public one alone: "
            "openssl pkey -in private.key -pubout"
        )
    try:
        if given.reveal().startswith(b"\x30"):  # the first byte of DER, in which AWS hands it out
            key: object = load_der_public_key(given.reveal())
        else:
            key = load_pem_public_key(given.reveal().strip().replace(b"\\n", b"\n"))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPublicKey):
        return key
    found = "is not a public key in PEM or DER" if key is None else f"is {pem.kind(key)}, not RSA"
    is_path = b"-----BEGIN" not in given.reveal()
    raise PrivateKeyError(
        f"public_key {found}. Give the text that begins with '-----BEGIN PUBLIC KEY-----'"
        f"{', not the path of its file' if is_path else ''}."
    )
