"""The file with the private key of the sandbox's application."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class KeyFile:
    """A file that was given, which is left as it was, or a temporary one, which is deleted."""

    def __init__(self, given: str | None, key: RSAPrivateKey) -> None:
        self._folder = None if given else tempfile.TemporaryDirectory(prefix="nexmo-sandbox-")
        folder = self._folder.name if self._folder else ""
        self.path: Path = Path(given or Path(folder, "private.key"))
        #: The file as it was, once it is replaced.
        self._original: Path | None = None
        if self._folder:
            _write(self.path, key)

    def replace(self, key: RSAPrivateKey) -> None:
        """Replace its content with another key."""
        new = self.path.with_name(f"{uuid.uuid4()}.key")
        _write(new, key)
        if self._original is None:
            original = self.path.with_name(f"{self.path.name}.{uuid.uuid4()}")
            os.link(self.path, original)
            self._original = original
        os.replace(new, self.path)

    def close(self) -> None:
        """Delete the file, or restore it."""
        if self._folder:
            self._folder.cleanup()
        elif self._original:
            os.replace(self._original, self.path)
            self._original = None


def _write(path: Path, key: RSAPrivateKey) -> None:
    """Write a key to a new file that only its owner can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
