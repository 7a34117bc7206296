"""Private keys that must be refused. Adding a case is adding a line.

Each makes, from a good key, what somebody has in the key file; then come words
that the error must say.
"""

import base64
import re
from collections.abc import Callable

from conftest import Keys
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)


def pem_of(
    key: object,
    form: PrivateFormat = PrivateFormat.PKCS8,
    lock: KeySerializationEncryption = NoEncryption(),  # noqa: B008
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, lock)


BROKEN: dict[str, tuple[Callable[[Keys], bytes], str]] = {
    "empty": (lambda k: b"", "is empty"),
    "blank": (lambda k: b" \n\n", "is empty"),
    "text of another kind": (lambda k: b"application_id = 5\n", "not PEM"),
    "random bytes": (lambda k: bytes(range(256)) * 7, "not PEM"),
    "DER": (
        lambda k: k.object.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "not PEM",
    ),
    "BEGIN line missing": (lambda k: k.pkcs8.partition(b"\n")[2], "not PEM"),
    "truncated in the middle": (lambda k: k.pkcs8[:800], "cut short"),
    "truncated in the END line": (lambda k: k.pkcs8[:-30], "cut short"),
    "first line only": (lambda k: k.pkcs8.partition(b"\n")[0], "cut short"),
    "flipped characters": (lambda k: k.pkcs8[:900] + b"AAAA" + k.pkcs8[904:], "damaged"),
    "flipped at the start": (lambda k: k.pkcs8.replace(b"MII", b"NJJ", 1), "damaged"),
    "characters that base64 has not": (lambda k: k.pkcs8[:900] + b"!*" + k.pkcs8[902:], "base64"),
    "a line lost": (lambda k: b"\n".join(k.pkcs8.splitlines()[:5] + k.pkcs8.splitlines()[6:]), ""),
    "newlines lost, and a character": (
        lambda k: k.pkcs8.replace(b"\n", b"")[:900] + k.pkcs8.replace(b"\n", b"")[901:],
        "damaged",
    ),
    "base64 of half a PEM": (lambda k: base64.b64encode(k.pkcs8[:900]), "cut short"),
    "base64 of a PEM, cut": (lambda k: base64.b64encode(k.pkcs8)[:901], "not PEM"),
    "a public key": (lambda k: k.public_pem, "public key"),
    "a certificate": (lambda k: k.public_pem.replace(b"PUBLIC KEY", b"CERTIFICATE"), "certificate"),
    "an OpenSSH key": (lambda k: k.pem(PrivateFormat.OpenSSH), "ssh-keygen"),
    "END line of another kind": (
        lambda k: k.pkcs8.replace(b"END PRIVATE", b"END RSA PRIVATE"),
        "cut short",
    ),
    "encrypted EC, no passphrase": (
        lambda k: pem_of(
            ec.generate_private_key(ec.SECP256R1()), lock=BestAvailableEncryption(b"x")
        ),
        "passphrase",
    ),
    "an EC key": (lambda k: pem_of(ec.generate_private_key(ec.SECP256R1())), "RSA"),
    "an EC key in its own form": (
        lambda k: pem_of(ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL),
        "RSA",
    ),
    "an Ed25519 key": (lambda k: pem_of(ed25519.Ed25519PrivateKey.generate()), "RSA"),
    "a DSA key": (lambda k: pem_of(dsa.generate_private_key(2048)), "RSA"),
    "RSA of 1024 bits": (lambda k: pem_of(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    "encrypted, no passphrase": (lambda k: k.encrypted, "passphrase"),
    "encrypted PKCS#1, no passphrase": (lambda k: k.encrypted_pkcs1, "passphrase"),
    "encrypted and damaged": (
        lambda k: re.sub(rb"\n[^\n]{64}\n", b"\n", k.encrypted, count=1),
        "passphrase",
    ),
}
