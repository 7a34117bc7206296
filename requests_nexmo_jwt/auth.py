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

from . import keys
from .claims import DEFAULT_TTL, ClaimsSet
from .errors import CredentialsError


class NexmoJWT(AuthBase):
    r"""Signs each request to the Nexmo (Vonage) API with a JWT of its own.

    ``requests.get(url, auth=NexmoJWT("aaaaaaaa-bbbb-...", "private.key"))``

    :param application_id: the id of a Vonage application.
    :param private_key: the application's RSA key, of 2048 bits or more: the path of
        a PEM file (str or ``os.PathLike``; ``~`` is expanded), PEM text as str or bytes
        (PKCS#1 or PKCS#8; ``\n`` may be written as two characters), or a cryptography
        ``RSAPrivateKey``, which may live in an HSM or a KMS.
    :param passphrase: str or bytes, for an encrypted PEM.
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
    :raises CredentialsError: ``application_id`` or ``private_key`` is missing or empty.

    All of them are ``NexmoJWTError``, and raised here, not at the first request. The
    key is parsed once. An object can be shared by any number of threads.
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
        if application_id is None or private_key is None:
            missing = "application_id" if application_id is None else "private_key"
            raise CredentialsError(
                f"{missing} is missing. Give both the id of the application and its private key: "
                'NexmoJWT("aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "private.key").'
            )
        self._claims = ClaimsSet(application_id, ttl=ttl, sub=sub, acl=acl, claims=claims)
        self._key = keys.load(private_key, passphrase)
        self._fingerprint = keys.fingerprint(self._key)

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
        return jwt.encode(self._claims.at(time.time()), self._key, algorithm="RS256")

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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NexmoJWT):
            return NotImplemented
        return self._claims == other._claims and self._fingerprint == other._fingerprint

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(application_id={self._claims.application_id!r}, "
            f"key={self._fingerprint!r})"
        )
