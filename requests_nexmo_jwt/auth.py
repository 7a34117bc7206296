"""The walk: a request walks in, and walks out with a token of its own.

``NexmoJWT`` signs the request; ``SignedRequest`` goes along with it, through its redirects and one
more try where the server's clock explains a refusal.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any, NamedTuple, Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests import Response
from requests.auth import AuthBase

from . import clock, credentials, second_try
from .claims import DEFAULT_TTL, ClaimsSet
from .clock import Clocks, ServerClock
from .keys import concealed
from .origin import Origin
from .redaction import Secret, harmless
from .redirect import NextHops, stays
from .scope import Scope
from .signer import Signer, Token

_log = logging.getLogger(__package__)


class AnyRequest(Protocol):
    """A request of whichever client: requests', httpx's or niquests'."""

    @property
    def url(self) -> Any:
        """Where it goes."""

    @property
    def headers(self) -> Any:
        """Its headers, to be changed."""


R = TypeVar("R", bound=AnyRequest)


class NexmoJWT(AuthBase):
    r"""Signs each request to the Nexmo (Vonage) API with a JWT of its own.

    ``requests.get(url, auth=NexmoJWT("aaaaaaaa-bbbb-...", "private.key"))``

    Without ``application_id`` and ``private_key``, both are found where Vonage users keep
    them; the first place that names an application wins:

    1. the environment: ``VONAGE_APPLICATION_ID`` with the first set of
       ``VONAGE_PRIVATE_KEY``, ``VONAGE_PRIVATE_KEY_PATH``,
       ``VONAGE_APPLICATION_PRIVATE_KEY_PATH``, ``VONAGE_APPLICATION_PRIVATE_KEY`` and
       ``VONAGE_PRIVATE_KEY64``; the same with ``NEXMO_``; ``VCR_API_APPLICATION_ID`` with
       ``VCR_PRIVATE_KEY``, in Vonage Cloud Runtime;
    2. ``.vonagerc`` in the working directory, then ``~/.vonage/config.json``: the Vonage
       CLI's files.

    With requests and niquests, a redirect within one origin carries a token of its own, any other
    redirect none. If a 401 or 403 has a ``Date`` at which the token was not valid, the request is
    signed with the server's time and sent once more; later ones are signed with it from the start.

    A key file is checked for changes before each signature; the new key signs then. Within a
    process each version of it is parsed once.

    :param application_id: the id of a Vonage application.
    :param private_key: the application's RSA key, of 2048 bits or more: the path of
        a PEM file (str or ``os.PathLike``; ``~`` is expanded), PEM text as str or bytes
        (PKCS#1 or PKCS#8; ``\n`` may be written as two characters, line ends may be blanks
        or missing), base64 of that, or a cryptography ``RSAPrivateKey``, which may live in
        an HSM or a KMS.
    :param passphrase: str or bytes, for an encrypted PEM; by default the value of
        ``VONAGE_PRIVATE_KEY_PASSPHRASE``.
    :param ttl: how long a token is valid, in seconds or as a ``timedelta``: 30 s to
        24 h, 15 min by default. A fraction of a second is dropped.
    :param sub: the name of a Vonage user, for the Client SDK's tokens.
    :param acl: the paths that a token opens: an iterable of paths such as
        ``["/*/calls/**"]``, or Vonage's form
        ``{"paths": {"/*/calls/**": {"methods": ["GET"], "filters": {}}}}``.
    :param claims: further claims, such as ``{"nbf": 1541060230}``. ``application_id``,
        ``iat``, ``jti`` and ``exp`` are set by this class; passing them raises ``ClaimError``.
    :param hosts: who may have a token, instead of Vonage's API hosts: host names (https is
        implied), names with one ``*`` within a label, or origins such as
        ``http://prism:4010``; by default the value of ``NEXMO_JWT_HOSTS``, separated by
        commas. Where neither is given, loopback may have one too. A request to another host
        raises ``ScopeError``.
    :raises PrivateKeyError: the key cannot be read or used.
    :raises EncryptedKeyError: its passphrase is missing or wrong.
    :raises ClaimError: ``ttl``, ``sub``, ``acl`` or ``claims`` is not as Vonage documents it.
    :raises CredentialsError: one of ``application_id`` and ``private_key`` is missing or
        empty, no credentials were found, or the place that names them is broken.
    :raises ScopeError: ``hosts`` has an entry that is not of this form.

    All of them are ``NexmoJWTError``. What is wrong with the arguments is raised here, not at the
    first request. An object can be shared by any number of threads. It can be pickled unless it
    was made from PEM text, a key object or a ``passphrase``: only the location of the credentials
    is pickled, and errors there are raised at the first signature.
    """

    def __init__(
        self,
        application_id: str | None = None,
        private_key: str | bytes | os.PathLike[str] | RSAPrivateKey | None = None,
        *,
        passphrase: str | bytes | Secret | None = None,
        ttl: float | timedelta = DEFAULT_TTL,
        sub: str | None = None,
        acl: Mapping[str, Any] | Iterable[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        hosts: Iterable[str] | None = None,
    ) -> None:
        # A crash reporter shows the variables of this frame, should anything below raise.
        name, key, opener = harmless(application_id), concealed(private_key), concealed(passphrase)
        del application_id, private_key, passphrase
        found = credentials.find(name, key)
        claims_set = ClaimsSet(found.application_id, ttl=ttl, sub=sub, acl=acl, claims=claims)
        self._signer = Signer(found, claims_set, opener)
        self._scope = Scope(hosts)
        self._clocks: Clocks[Origin] = Clocks()

    def __call__(self, r: R) -> R:
        """Set the request's ``Authorization`` header to a new token, and return the request.

        ``r`` is a request of requests or of a client with requests' contract, such as httpx
        and niquests. Raises ``ScopeError`` where its URL may not have one.
        """
        request: Any = r
        origin = self._scope.check(str(request.url))
        signed = SignedRequest(self._signer, self._clocks.of(origin))
        request.headers["Authorization"] = signed.new_header()
        # httpx's requests have no hooks; it takes any callable that sets a header.
        if hasattr(request, "register_hook"):
            # A copy of a request shares its hooks, so they are not changed in place.
            others = [h for h in request.hooks["response"] if not isinstance(h, SignedRequest)]
            request.hooks = {**request.hooks, "response": [*others, signed]}
        return r

    def header(self, url: str) -> str:
        """Return a new ``Authorization`` header for a request to ``url``, for any client.

        Raises ``ScopeError`` where ``url`` may not have one.
        """
        offset = self._clocks.of(self._scope.check(url)).offset
        return self._signer.sign(time.time() + offset).header

    def token(self) -> str:
        """Return a new token, valid from now for ``ttl`` seconds.

        Now is by the clock of the server that last accepted a token. A loopback server counts
        only where ``hosts`` names it.
        """
        offset = self._clocks.last_confirmed(self._scope.names)
        return self._signer.sign(time.time() + offset).text

    @property
    def source(self) -> str:
        """Where the credentials came from, as one line for people."""
        return self._signer.source

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and the hex digest of the public key, by which people compare keys.

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
        return self._signer == other._signer and self._scope == other._scope

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._signer!r})"


class SignedRequest:
    """What happens to one request after it was signed: its redirects, and one more try a hop.

    It is a response hook of requests, which calls it after each hop. For a redirect, requests
    copies the next hop from the request that was sent, this hook included, after the hook has run;
    ``NexmoJWT.__call__`` is not called again.
    """

    def __init__(self, signer: Signer, server_clock: ServerClock) -> None:
        self._signer, self._clock = signer, server_clock
        self._sent: dict[str, _Sent] = {}  # by header; a request may be sent more than once
        self._next_hops = NextHops()

    def new_header(self, suggested: float | None = None) -> str:
        """Sign a token by the server's time, and remember it by the header that carries it.

        ``suggested`` is the offset of a second try.
        """
        offset = self._clock.offset if suggested is None else suggested
        token = self._signer.sign(time.time() + offset)
        self._sent[token.header] = _Sent(token, offset)
        return token.header

    def __call__(self, response: Response, **kwargs: Any) -> Response:
        """Judge the answer to a hop, and prepare the next one."""
        self._next_hops.forget()
        request = response.request
        sent = self._sent.get(str(request.headers.get("Authorization")))
        if sent is None:
            return response  # a hop to another origin, which had no token
        is_explained = False
        if response.status_code in (401, 403):
            response, is_explained = self._try_again(response, sent, **kwargs)
            sent = self._sent.get(str(response.request.headers.get("Authorization")), sent)
        if response.status_code < 300:
            self._clock.accepted(sent.offset, sent.token.fingerprint)
        elif _refuses_token(response):
            self._clock.refused(sent.offset)
            if not is_explained and self._clock.claim_report():
                self._report(response, sent)
        if response.is_redirect:
            self._next_hops.give(request, self.new_header() if stays(response) else None)
        return response

    def _try_again(self, refused: Response, sent: _Sent, **kwargs: Any) -> tuple[Response, bool]:
        """Send the request again with the server's time, where its ``Date`` explains the refusal.

        It does if the token was not valid at that time. This suggests a wrong clock; it does not
        prove one. Return the answer, and whether the refusal was logged with its explanation.
        """
        at = clock.server_time(refused.headers.get("Date"), refused.headers.get("Age"))
        if at is None or sent.token.is_valid_at(at):
            return refused, False
        offset = at - time.time()
        if not self._clock.is_worth_a_try(offset, sent.token.fingerprint):
            return refused, False
        self._clock.suggested(offset)
        obstacle = second_try.obstacle(refused)
        if obstacle:
            is_news = self._clock.is_news(offset)
            if is_news:
                _warn(_log_messages().not_sent_again(offset, refused, obstacle))
            return refused, is_news
        response = second_try.send(refused, self.new_header(offset), **kwargs)
        if response.status_code in (401, 403):
            self._clock.tried_in_vain(offset, sent.token.fingerprint)
        elif response.status_code < 429 and self._clock.is_news(offset):
            _warn(_log_messages().clock_news(offset, refused))
        return response, False

    def _report(self, refused: Response, sent: _Sent) -> None:
        """Log what may explain a refusal: once for each server, until it accepts a token."""
        _warn(
            _log_messages().summary(
                sent.token.text,
                refused,
                application_id=self._signer.application_id,
                fingerprint=sent.token.fingerprint,
                has_worked=self._clock.has_accepted(sent.token.fingerprint),
            )
        )

    def __deepcopy__(self, memo: object) -> SignedRequest:
        return self

    def __reduce__(self) -> tuple[Callable[[], Callable[..., Response]], tuple[()]]:
        return _hook_after_a_pickle, ()


class _Sent(NamedTuple):
    """A token that a hop carries, and the clock offset that it was signed with."""

    token: Token
    offset: float


def _hook_after_a_pickle() -> Callable[..., Response]:
    """Return the hook of a request that has travelled in a pickle: it has no key to sign with."""
    return _do_nothing


def _do_nothing(response: Response, **kwargs: Any) -> Response:
    return response


def _log_messages() -> ModuleType:
    """Import the sentences on a refusal: whoever is never refused does not pay for it."""
    from . import log_messages

    return log_messages


def _warn(message: str) -> None:
    _log.warning("%s", message)


def _refuses_token(response: Response) -> bool:
    if response.status_code not in (401, 403):
        return False
    from .products import refuses  # not for those who are never refused

    return refuses(response.status_code, response.url)
