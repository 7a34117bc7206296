"""``nexmo-jwt public-key``: the public key of an application's private key, as PEM."""

from __future__ import annotations

import argparse

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..credentials import discovery
from ..credentials.passphrase import ask_if_missing
from ..redaction import Hidden
from .arguments import add_credentials, check_both


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Print the public key that belongs to the private key, as the Vonage dashboard wants it.\n"
        "Nothing is sent."
    )
    parser.epilog = "exit status: 0 if the key was printed, 1 if not, 2 for wrong usage"
    add_credentials(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    check_both(arguments)
    found = discovery.find(Hidden(arguments.app_id), Hidden(arguments.private_key))
    public_key = ask_if_missing(found.load_key).current().private.public_key()
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    print(pem.decode(), end="")
    return 0
