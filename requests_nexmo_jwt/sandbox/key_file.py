"""The file with the private key of the sandbox's application."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import weakref
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class ApplicationKeyFile:
    """A file that was given, which is left as it was, or a temporary one, which is deleted."""

    def __init__(self, given: str | None, key: RSAPrivateKey) -> None:
        self._folder = None if given else tempfile.mkdtemp(prefix="nexmo-sandbox-")
        self.path: Path = Path(given or Path(str(self._folder), "private.key"))
        #: The file as it was, once it is replaced.
        self._original: Path | None = None
        if self._folder:
            # At the end of the process at the latest.
            self._remove = weakref.finalize(self, _remove, self._folder, os.getpid())
            _write(self.path, key)

    def replace(self, key: RSAPrivateKey) -> None:
        """Replace its content with another key."""
        if self._original is None:
            original = self.path.with_name(f"{self.path.name}.{uuid.uuid4()}")
            os.link(self.path, original)
            self._original = original
        new = self.path.with_name(f"{uuid.uuid4()}.key")
        _write(new, key)
        os.replace(new, self.path)

    def close(self) -> None:
        """Delete the file, or restore it."""
        if self._folder:
            self._remove()
        elif self._original:
            os.replace(self._original, self.path)
            self._original = None


def _remove(folder: str, process: int) -> None:
    """Delete the folder, but not from the child of a fork."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, key: RSAPrivateKey) -> None:
    """Write a key to a new file that only its owner can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
