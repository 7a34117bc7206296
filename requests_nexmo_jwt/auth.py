"""``NexmoJWT``, the auth object: it gives each request a token of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from requests.auth import AuthBase

from .credentials import discovery, given
from .exchange import requests_hook
from .exchange.clock import Clocks
from .exchange.signed_request import SignedRequest
from .redaction import Hidden, Secret
from .scope import Scope
from .token.claims import DEFAULT_TTL, ClaimsSet
from .token.signer import Signer
from .url import any_client_would_proxy, proxy_guard

#: The extension that marks an httpx request with a token of this package.
SIGNED = "requests_nexmo_jwt"


class AnyRequest(Protocol):
    """A request of requests, httpx or niquests."""

    @property
    def url(self) -> Any:
        """Its URL."""

    @property
    def headers(self) -> Any:
        """Its headers, which are changed."""


R = TypeVar("R", bound=AnyRequest)


class NexmoJWT(AuthBase):
    r"""Signs each request to the Nexmo (Vonage) API with a JWT of its own.

    ``requests.get(url, auth=NexmoJWT("aaaaaaaa-bbbb-...", "private.key"))``

    Without ``application_id`` and ``private_key``, both are found where Vonage users keep them:
    ``VONAGE_APPLICATION_ID`` with ``VONAGE_PRIVATE_KEY`` and further variables, then the
    files of the Vonage CLI. ``docs/credentials.md`` has them all.

    A redirect within one origin carries the token of its request, any other redirect none (but see
    ``docs/behaviour.md``). If a 401 or 403 has a ``Date`` at which the token was not valid, the
    request is signed with the server's time and sent once more; later ones are signed with it from
    the start. A key file is checked for changes before each signature; the new key signs then.

    :param application_id: the id of a Vonage application.
    :param private_key: the application's RSA key, of 2048 bits or more: the path of
        a PEM file (str or ``os.PathLike``; ``~`` is expanded), PEM text as str or bytes
        (PKCS#1 or PKCS#8; ``\n`` may be written as two characters, line ends may be blanks
        or missing), base64 of that, or a cryptography ``RSAPrivateKey``.
    :param passphrase: str or bytes, for an encrypted PEM; by default the value of
        ``VONAGE_PRIVATE_KEY_PASSPHRASE``.
    :param sign: in place of ``private_key``, for a key that never leaves a KMS or an HSM: a
        function that returns the RSASSA-PKCS1-v1_5 SHA-256 signature (RFC 8017, section 8.2) of
        the bytes that it is given. It is called once for each token, in the thread that needs it.
    :param public_key: the public key that belongs to it, and verifies each signature: an
        ``RSAPublicKey``, PEM as str or bytes, or DER as bytes.
    :param ttl: how long a token is valid, in seconds or as a ``timedelta``: 30 s to
        24 h, 15 min by default. A fraction of a second is dropped.
    :param sub: the name of a Vonage user, for the Client SDK's tokens.
    :param acl: the paths that a token opens: an iterable of paths such as
        ``["/*/calls/**"]`` or ``["GET,POST:/*/calls/**"]``, one path, or Vonage's form
        ``{"paths": {"/*/calls/**": {"methods": ["GET"], "filters": {}}}}``.
    :param claims: further claims. ``application_id``, ``iat``, ``jti`` and ``exp`` are set by this
        class; passing them raises ``ClaimError``.
    :param hosts: the hosts that may receive a token, instead of Vonage's: host names (https is
        implied), names with one ``*`` within a label, or origins such as
        ``http://prism:4010``; by default the value of ``NEXMO_JWT_HOSTS``, separated by
        commas. Without either, loopback may receive one too. While ``NEXMO_JWT_ENDPOINT`` is set,
        neither counts: requests for Vonage's hosts are sent to that origin on this machine.
    :param elsewhere: what happens to a request to any other origin: ``"refuse"`` raises
        ``ScopeError``; ``"unsigned"`` sends it as it is, without a token, so that one ``Session``
        can talk to Vonage and to others. Loopback then counts as another origin unless ``hosts``
        names it. Plain http to a host that is in scope over https only, and an ambiguous URL, are
        refused in both cases.
    :raises PrivateKeyError: the key cannot be read or used; later, ``sign`` has failed.
    :raises EncryptedKeyError: its passphrase is missing or wrong.
    :raises ClaimError: ``ttl``, ``sub``, ``acl`` or ``claims`` is not as Vonage documents it.
    :raises CredentialsError: one of ``application_id`` and ``private_key`` is missing or
        empty, no credentials were found, or the place that names them is broken.
    :raises ScopeError: ``hosts`` has an entry that is not of this form, ``elsewhere`` is something
        else, or ``NEXMO_JWT_ENDPOINT`` is not a loopback origin.

    All of them are ``NexmoJWTError``. What is wrong with the arguments is raised here, not at the
    first request. An object can be shared by any number of threads. It can be pickled unless it
    was made from PEM text, a key object or a ``passphrase``: only the location of the credentials
    is pickled, or ``sign``, and errors there are raised at the first signature.
    """

    def __init__(
        self,
        application_id: str | None = None,
        private_key: str | bytes | os.PathLike[str] | RSAPrivateKey | None = None,
        *,
        passphrase: str | bytes | Secret | None = None,
        sign: Callable[[bytes], bytes] | None = None,
        public_key: str | bytes | RSAPublicKey | None = None,
        ttl: float | timedelta = DEFAULT_TTL,
        sub: str | None = None,
        acl: Mapping[str, Any] | Iterable[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        hosts: Iterable[str] | None = None,
        elsewhere: Literal["refuse", "unsigned"] = "refuse",
    ) -> None:
        # A crash reporter shows the variables of this frame, should anything below raise.
        name, key, phrase = Hidden(application_id), Hidden(private_key), Hidden(passphrase)
        signing, public = Hidden(sign), Hidden(public_key)
        del application_id, private_key, passphrase, sign, public_key
        opening = given.passphrase(phrase)
        if signing.reveal() is None and public.reveal() is None:
            found = discovery.find(name, key)
        else:
            from .credentials import remote  # only if the key is elsewhere

            found = remote.credentials_of(name, signing, public, key, phrase)
        claims_set = ClaimsSet(found.application_id, ttl=ttl, sub=sub, acl=acl, claims=claims)
        self._signer = Signer(found, claims_set, opening)
        self._scope = Scope(hosts, elsewhere)
        self._clocks = Clocks()

    def __call__(self, r: R) -> R:
        """Set the request's ``Authorization`` header to a new token, and return the request.

        ``r`` is a request of requests or of a client with requests' contract, such as httpx
        and niquests. Raises ``ScopeError`` if its URL may not receive a token; with
        ``elsewhere="unsigned"``, a request to any other origin is returned without one.
        """
        request: Any = r
        signed = self._signed(request)
        if signed is None:
            remove_token(request)
            return r
        request.headers["Authorization"] = signed.header
        if hasattr(request, "register_hook"):
            requests_hook.attach(request, signed)
        elif hasattr(request, "extensions"):  # httpx's: it takes any callable that sets a header
            request.extensions = {**request.extensions, SIGNED: signed}
        return r

    def _signed(self, request: Any) -> SignedRequest | None:
        """Sign ``request``, at the endpoint if one is set; return None if it goes unsigned."""
        url = str(request.url)
        destination = self._scope.destination(url, proxy_guard(request))
        if destination is None:
            return None
        if destination.url != url:
            from .scope import endpoint  # only if one is set

            endpoint.move(request, destination, self._scope)
        return SignedRequest(self._signer, destination.origin, self._clocks)

    def header(self, url: object) -> str:
        """Return a new ``Authorization`` header for a request to ``url``, for any client.

        ``url`` is a str, or a URL object of the client, of http or of a WebSocket. Raises
        ``ScopeError`` if it may not receive a token, or if ``NEXMO_JWT_ENDPOINT`` moves it.
        """
        destination = self._scope.required_destination(str(url), any_client_would_proxy)
        if destination.url != str(url):
            from .scope import endpoint  # only if one is set

            raise endpoint.not_moved(str(url), destination)
        return SignedRequest(self._signer, destination.origin, self._clocks).header

    def token(self) -> str:
        """Return a new token, valid from now, by this machine's clock, for ``ttl`` seconds."""
        return self._signer.sign(time.time()).text

    @property
    def source(self) -> str:
        """Where the credentials came from, as one line for people."""
        return self._signer.source

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and the hex digest of the public key, for comparing keys.

        ``openssl pkey -in private.key -pubout -outform DER | openssl dgst -sha256`` prints the
        same digest. Raises what a signature would raise in a process without the credentials.
        """
        return self._signer.fingerprint

    def __copy__(self) -> NexmoJWT:
        """Return the object itself: users cannot change it."""
        return self

    def __deepcopy__(self, memo: object) -> NexmoJWT:
        """Return the object itself: a key in an HSM cannot be copied."""
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NexmoJWT):
            return NotImplemented
        return self._signer.identity == other._signer.identity and self._scope == other._scope

    def __hash__(self) -> int:
        return hash(self._signer.application_id)

    def __repr__(self) -> str:
        if "_scope" not in vars(self):
            return f"<{type(self).__name__}, not initialized>"
        elsewhere = ", elsewhere='unsigned'" if self._scope.is_unsigned_elsewhere else ""
        return f"{type(self).__name__}({self._signer!r}{elsewhere})"


def remove_token(request: Any) -> None:
    """Take a token of ours off a request that was signed before, for another origin."""
    mark = getattr(request, "extensions", {}).get(SIGNED)
    ours = [*requests_hook.attached(request), *filter(None, [mark])]
    if request.headers.get("Authorization") in [signed.header for signed in ours]:
        del request.headers["Authorization"]
    if hasattr(request, "register_hook"):
        requests_hook.attach(request, None)
