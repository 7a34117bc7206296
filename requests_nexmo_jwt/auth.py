"""The life of a request: it walks in, and walks out with a token of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests import PreparedRequest, Response
from requests.auth import AuthBase

from . import credentials, keys
from .claims import DEFAULT_TTL, ClaimsSet
from .errors import PrivateKeyError


class NexmoJWT(AuthBase):
    r"""Signs each request to the Nexmo (Vonage) API with a JWT of its own.

    ``requests.get(url, auth=NexmoJWT("aaaaaaaa-bbbb-...", "private.key"))``

    Without ``application_id`` and ``private_key``, both are found where Vonage users keep
    them; the first place that names an application wins:

    1. the environment: ``VONAGE_APPLICATION_ID`` with the first set of
       ``VONAGE_PRIVATE_KEY``, ``VONAGE_PRIVATE_KEY_PATH`` and
       ``VONAGE_APPLICATION_PRIVATE_KEY_PATH``; then the same with ``NEXMO_``;
    2. ``.vonagerc`` in the working directory, then ``~/.vonage/config.json``: the Vonage
       CLI's files.

    A key file is looked at before each signature; when it has changed, the new key signs.

    :param application_id: the id of a Vonage application.
    :param private_key: the application's RSA key, of 2048 bits or more: the path of
        a PEM file (str or ``os.PathLike``; ``~`` is expanded), PEM text as str or bytes
        (PKCS#1 or PKCS#8; ``\n`` may be written as two characters), or a cryptography
        ``RSAPrivateKey``, which may live in an HSM or a KMS.
    :param passphrase: str or bytes, for an encrypted PEM; by default the value of
        ``VONAGE_PRIVATE_KEY_PASSPHRASE``.
    :param ttl: how long a token is valid, in seconds or as a ``timedelta``: 30 s to
        24 h, 15 min by default. A fraction of a second is dropped.
    :param sub: the name of a Vonage user, for the Client SDK's tokens.
    :param acl: the paths that a token opens: an iterable of paths such as
        ``["/*/calls/**"]``, or Vonage's form
        ``{"paths": {"/*/calls/**": {"methods": ["GET"], "filters": {}}}}``.
    :param claims: further claims, such as ``{"nbf": 1541060230}``. ``application_id``,
        ``iat``, ``jti`` and ``exp`` are made here and refused.
    :raises PrivateKeyError: the key cannot be read or used.
    :raises EncryptedKeyError: its passphrase is missing or wrong.
    :raises ClaimError: Nexmo would refuse ``ttl``, ``sub``, ``acl`` or ``claims``.
    :raises CredentialsError: one of ``application_id`` and ``private_key`` is missing or
        empty, no credentials were found, or the place that names them is broken.

    All of them are ``NexmoJWTError``, and raised here, not at the first request. An object
    can be shared by any number of threads. It can be pickled unless it was made from PEM
    text, a key object or a ``passphrase``: what travels is the place of the credentials.
    """

    def __init__(
        self,
        application_id: str | None = None,
        private_key: str | bytes | os.PathLike[str] | RSAPrivateKey | None = None,
        *,
        passphrase: str | bytes | None = None,
        ttl: float | timedelta = DEFAULT_TTL,
        sub: str | None = None,
        acl: Mapping[str, Any] | Iterable[str] | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        found = credentials.find(application_id, private_key)
        self._claims = ClaimsSet(found.application_id, ttl=ttl, sub=sub, acl=acl, claims=claims)
        self._source, self._place = found.source, found.place
        self._has_passphrase = passphrase is not None
        self._key: keys.Key | None = found.load_key(passphrase)

    @property
    def source(self) -> str:
        """Where the credentials came from, as one line for people."""
        return self._source

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Set the request's ``Authorization`` header to a new token."""
        self._sign(request)
        # httpx's requests have no hooks; it takes any callable that sets a header.
        if hasattr(request, "register_hook"):
            request.deregister_hook("response", self._sign_next_hop)
            request.register_hook("response", self._sign_next_hop)
        return request

    def token(self) -> str:
        """Return a new token, valid from now for ``ttl`` seconds."""
        key = (self._key or self._load_again()).current()
        return jwt.encode(self._claims.at(time.time()), key, algorithm="RS256")

    def _sign(self, request: PreparedRequest) -> None:
        request.headers["Authorization"] = f"Bearer {self.token()}"

    def _sign_next_hop(self, response: Response, **kwargs: Any) -> None:
        """Give a redirect a token of its own, or it would repeat this one and its ``jti``.

        requests copies the next request from this one when the hooks are through, and
        drops the header where the next one goes to another host.
        """
        if response.is_redirect:
            sent = response.request
            response.request = sent.copy()
            self._sign(sent)

    def _load_again(self) -> keys.Key:
        """Load the key in the process that an auth object was sent to, at its first signature.

        Not sooner: an exception from unpickling kills the worker of a process pool.
        """
        with keys.loading:
            if self._key is None:
                assert self._place  # noqa: S101 - or __getstate__ would have refused
                found = credentials.find_again(
                    self._place, self._source, self._claims.application_id
                )
                self._key = found.load_key()
            return self._key

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to find the credentials itself: never a secret."""
        if self._place is None or self._has_passphrase:
            held = "a passphrase" if self._place else "the text of a private key or a key object"
            raise PrivateKeyError(
                f"This auth object was made from {held}, which pickling would write down. Make it "
                "from the path of a key file or from the environment, with the passphrase in "
                f"{credentials.PASSPHRASE_VARIABLE}: then each process loads the key itself."
            )
        return {**vars(self), "_key": None}

    def __copy__(self) -> NexmoJWT:
        """Return the object itself: nothing about it can be changed."""
        return self

    def __deepcopy__(self, memo: object) -> NexmoJWT:
        """Return the object itself: a key in an HSM cannot be copied."""
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NexmoJWT):
            return NotImplemented
        return self._claims == other._claims and self._identity() == other._identity()

    def _identity(self) -> str:
        return (self._key or self._load_again()).fingerprint

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        key = self._key.fingerprint if self._key else self._source
        return f"{type(self).__name__}(application_id={self._claims.application_id!r}, key={key!r})"
