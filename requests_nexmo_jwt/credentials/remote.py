"""A private key that never leaves a KMS or an HSM: a function has it sign."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, NamedTuple, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from ..errors import CredentialsError, PrivateKeyError
from ..redaction import Hidden, Secret
from .given import checked_id
from .key import KeyObject
from .pem import kind
from .places import Credentials


@RSAPrivateKey.register
class RemoteKey:
    """What PyJWT and this package use of an ``RSAPrivateKey``: it signs, and has a size."""

    def __init__(self, sign: Hidden[Callable[[bytes], bytes]], public_key: Hidden[Any]) -> None:
        self._sign, self._public_key = sign, _read(public_key)

    @property
    def key_size(self) -> int:
        """The size of the key in bits."""
        return self._public_key.key_size

    def public_key(self) -> RSAPublicKey:
        """Return the public key."""
        return self._public_key

    def sign(self, data: bytes, *how: object) -> bytes:
        """Return the signature of ``data`` that the function makes, RSASSA-PKCS1-v1_5 with SHA-256.

        Raises ``PrivateKeyError`` if it makes none, or one that the public key does not verify.
        """
        try:
            signature = self._sign.reveal()(data)
        except Exception as error:
            raised = type(error).__name__
            problem = f"raised {raised}, the cause of this error, so there is no token"
            remedy = "Check the service that holds the private key."
            raise PrivateKeyError("sign", problem, remedy) from error
        if not isinstance(signature, bytes):
            problem = f"a {type(signature).__name__}, not bytes"
        elif self._verifies(signature, data):
            return signature
        else:
            problem = f"{len(signature)} bytes that are not a signature by the key of public_key"
        del signature  # a wrong public_key, and frames would have a whole token
        raise PrivateKeyError(
            "sign",
            f"returned {problem}, so there is no token",
            "It has to return the RSASSA-PKCS1-v1_5 SHA-256 signature of the bytes that it is "
            "given; a service that signs a digest gets their SHA-256. And public_key has to belong "
            "to the key that signs.",
        )

    def _verifies(self, signature: bytes, data: bytes) -> bool:
        try:
            self._public_key.verify(signature, data, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return RemoteKey, (self._sign, Hidden(self._public_key.public_bytes(*form)))


class Remote(NamedTuple):
    """The arguments of ``NexmoJWT`` if a function signs; pickled, that function is."""

    application_id: str
    key: RemoteKey

    def read(self) -> Credentials:
        """Return the credentials."""
        source = "arguments: sign, with its public_key"
        key = cast(RSAPrivateKey, self.key)  # registered as one, which type checkers do not see
        return Credentials(self.application_id, KeyObject(key, "public_key"), source, self)


def credentials_of(
    application_id: Hidden[Any], sign: Hidden[Any], public_key: Hidden[Any], *others: Hidden[Any]
) -> Credentials:
    """Return the credentials that ``sign`` and ``public_key`` give.

    ``others`` are arguments that must be None then. Raises ``CredentialsError`` if one is missing,
    or if there is a private key as well, and ``PrivateKeyError`` if ``public_key`` cannot be used.
    """
    needed = {"application_id": application_id, "sign": sign, "public_key": public_key}
    missing = [name for name, given in needed.items() if given.reveal() is None]
    subject = "sign"
    if any(other.reveal() is not None for other in others):
        problem, remedy = "replaces private_key and passphrase", "Pass only one of them"
    elif missing:
        subject, problem, remedy = missing[0], "is missing beside the others", "Pass all three"
    elif not callable(sign.reveal()):
        problem = f"is of type {type(sign.reveal()).__name__}"
        remedy = "Pass a function from bytes to bytes"
    elif iscoroutinefunction(sign.reveal()):
        problem, remedy = "is an async function, which nothing awaits", "Pass a plain one"
    else:
        checked = checked_id(application_id, "application_id")
        return Remote(checked, RemoteKey(sign, public_key)).read()
    remedy += ": NexmoJWT(ID, sign=FUNCTION, public_key=PEM)."
    raise CredentialsError(subject, problem, remedy)


def _read(given: Hidden[Any]) -> RSAPublicKey:
    if isinstance(given.reveal(), RSAPublicKey):
        return cast(RSAPublicKey, given.reveal())
    if not isinstance(given.reveal(), (str, bytes)):
        remedy = "Give an RSAPublicKey, or its PEM text."
        raise PrivateKeyError("public_key", f"is {kind(given.reveal())}", remedy)
    text = Secret(given.reveal())
    if b"PRIVATE KEY" in text.reveal():
        remedy = "Give the public one alone: openssl pkey -in private.key -pubout"
        raise PrivateKeyError("public_key", "contains a private key (redacted)", remedy)
    try:
        if text.reveal().startswith(b"\x30"):  # the first byte of DER, in which AWS hands it out
            key: object = serialization.load_der_public_key(text.reveal())
        else:
            key = serialization.load_pem_public_key(text.reveal().strip().replace(b"\\n", b"\n"))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPublicKey):
        return key
    found = "is not a public key in PEM or DER" if key is None else f"is {kind(key)}, not RSA"
    remedy = "Give the text that begins with '-----BEGIN PUBLIC KEY-----'"
    if b"-----BEGIN" not in text.reveal():
        remedy += ", not the path of its file"
    raise PrivateKeyError("public_key", found, f"{remedy}.")
