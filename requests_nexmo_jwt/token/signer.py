"""Tokens: the claims of an application, signed with its key."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import jwt

from ..credentials import discovery, key
from ..credentials.pem import PASSPHRASE_VARIABLE
from ..credentials.places import Credentials, Place
from ..errors import NexmoJWTError, PrivateKeyError
from ..redaction import Secret
from ..vonage.identifiers import shown_id
from .claims import ClaimsSet


class Token(NamedTuple):
    """A signed token, valid from ``iat`` until just before ``exp`` (Unix seconds).

    ``fingerprint`` is that of the key which signed.
    """

    text: str
    iat: int
    exp: int
    fingerprint: str

    def __repr__(self) -> str:
        return f"<token valid from {self.iat} until {self.exp}>"

    @property
    def header(self) -> str:
        """The value of the ``Authorization`` header, RFC 6750."""
        return f"Bearer {self.text}"

    def is_valid_at(self, moment: float) -> bool:
        """Return whether ``moment`` (Unix seconds) is within the token's time, without leeway."""
        return self.iat <= moment < self.exp


class Signer:
    """Makes the tokens of one application, signed with RS256.

    A pickle has the place of its credentials and never a secret: another process finds and loads
    the key itself, at its first signature.
    Raises ``PrivateKeyError`` if the key cannot be used, or its passphrase is missing or wrong.
    """

    def __init__(self, found: Credentials, claims: ClaimsSet, passphrase: Secret | None) -> None:
        #: The application that signs.
        self.application_id: str = claims.application_id
        self.source: str = found.source
        self._claims = claims
        self._place = found.place
        self._has_passphrase = passphrase is not None
        #: The key; after unpickling, at first the place to find it.
        self._key: key.Key | Place = found.load_key(passphrase)

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and the hex digest of the public key of the next signature.

        Raises the same errors as signing.
        """
        return self._loaded_key().current().fingerprint

    def sign(self, now: float) -> Token:
        """Return a new token, issued at ``now`` (Unix seconds)."""
        claims, loaded = self._claims.at(now), self._loaded_key().current()
        text = jwt.encode(claims, loaded.private, algorithm="RS256")
        return Token(text, claims["iat"], claims["exp"], loaded.fingerprint)

    def _loaded_key(self) -> key.Key:
        """Return the key; after unpickling, load it at its first use.

        Not sooner: an exception from unpickling kills the worker of a process pool.
        """
        if isinstance(self._key, key.Key):
            return self._key
        with key.loading:
            if not isinstance(self._key, key.Key):
                found = discovery.find_again(self._key, self.source, self.application_id)
                self._key = found.load_key()
            return self._key

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to find the credentials itself: never a secret."""
        if self._place is None or self._has_passphrase:
            held = "a passphrase" if self._place else "the text of a private key or a key object"
            raise PrivateKeyError(
                "This auth object",
                f"was made from {held}, which pickling would write down",
                "Make it from the path of a key file or from the environment, with the passphrase "
                f"in {PASSPHRASE_VARIABLE}: then each process loads the key itself.",
            )
        return {**vars(self), "_key": self._place}

    @property
    def identity(self) -> object:
        """What makes two signers equal: their claims and their key, or else the place of that."""
        with suppress(NexmoJWTError):
            return vars(self._claims), self.fingerprint
        return vars(self._claims), self._key

    def __repr__(self) -> str:
        loaded = vars(self).get("_key")  # none yet, if loading it failed
        which = loaded.fingerprint if isinstance(loaded, key.Key) else self.source
        return f"application_id={shown_id(self.application_id)}, key={which!r}"
