"""The walk: a request walks in, and walks out with a token of its own.

``NexmoJWT`` signs the request; ``SignedRequest`` goes along with it, through its redirects and one
more try where the server's clock explains a refusal.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any, TypeVar
from urllib.parse import urljoin

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests import PreparedRequest, RequestException, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from . import clock, credentials
from .claims import DEFAULT_TTL, ClaimsSet
from .clock import Clocks, ServerClock
from .scope import Scope, origin_of
from .signer import Signer

_log = logging.getLogger(__package__)

# Problems of RFC 7807 have some hundred bytes; whoever streams need not wait for an endless one.
_MAX_REFUSAL_BYTES = 1 << 20

#: A request of whichever client: what walks in is what walks out.
R = TypeVar("R")


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

    A redirect within one origin carries a token of its own, any other redirect none. On a
    401 from a server whose clock differs by more than 30 s, the request is signed with the
    server's time and sent once more; later ones are signed with it from the start.

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
    :param hosts: who may have a token, instead of Vonage's API hosts: host names (https is
        implied), names with one ``*`` within a label, or origins such as
        ``http://prism:4010``; by default the value of ``NEXMO_JWT_HOSTS``, separated by
        commas. Loopback may always have one. A request to another host raises
        ``ScopeError``.
    :raises PrivateKeyError: the key cannot be read or used.
    :raises EncryptedKeyError: its passphrase is missing or wrong.
    :raises ClaimError: Nexmo would refuse ``ttl``, ``sub``, ``acl`` or ``claims``.
    :raises CredentialsError: one of ``application_id`` and ``private_key`` is missing or
        empty, no credentials were found, or the place that names them is broken.
    :raises ScopeError: ``hosts`` has an entry that is not of this form.

    All of them are ``NexmoJWTError``, and raised here, not at the first request. An object
    can be shared by any number of threads. It can be pickled unless it was made from PEM
    text, a key object or a ``passphrase``: what travels is the place of the credentials, and
    what is wrong with them there is raised at the first signature.
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
        hosts: Iterable[str] | None = None,
    ) -> None:
        found = credentials.find(application_id, private_key)
        each_says = ClaimsSet(found.application_id, ttl=ttl, sub=sub, acl=acl, claims=claims)
        self._signer = Signer(found, each_says, passphrase)
        self._scope = Scope(hosts)
        self._clocks = Clocks()

    def __call__(self, r: R) -> R:
        """Set the request's ``Authorization`` header to a new token, and return the request.

        ``r`` is a request of requests or of a client with requests' contract, such as httpx
        and niquests. Raises ``ScopeError`` where its URL may not have one.
        """
        request: Any = r
        origin = self._scope.check(str(request.url))
        signed = SignedRequest(request, self._signer, self._clocks.of(origin))
        # httpx's requests have no hooks; it takes any callable that sets a header.
        if hasattr(request, "register_hook"):
            for hook in [h for h in request.hooks["response"] if isinstance(h, SignedRequest)]:
                request.deregister_hook("response", hook)
            request.register_hook("response", signed)
        return r

    def header(self, url: str) -> str:
        """Return a new ``Authorization`` header for a request to ``url``, for any client.

        Raises ``ScopeError`` where ``url`` may not have one.
        """
        offset = self._clocks.of(self._scope.check(url)).offset
        return f"Bearer {self._signer.token(time.time() + offset)}"

    def token(self) -> str:
        """Return a new token, valid from now for ``ttl`` seconds.

        Now is by the clock of the server that has accepted a token last.
        """
        return self._signer.token(time.time() + self._clocks.last_confirmed())

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
    """One request that carries a token, through its redirects and one more try after a 401.

    It is a response hook of requests, which calls it after each hop and copies the next hop from
    the request afterwards, hook included; ``__call__`` of the auth object is not called again.
    """

    def __init__(self, request: Any, signer: Signer, server_clock: ServerClock) -> None:
        self._signer, self._clock = signer, server_clock
        self._may_try_again = True
        self._is_explained = False
        self._offset, self._header = 0.0, ""  # of the token that was sent last
        self._sign(request)

    def __call__(self, response: Response, **kwargs: Any) -> Response:
        """Judge the answer to a hop, and make the request ready for the next one."""
        request = response.request
        if request.headers.get("Authorization") != self._header:
            return response  # a hop to another origin, which had no token
        if response.status_code == 401 and self._may_try_again:
            response = self._try_again(response, **kwargs)
        if response.status_code < 300:
            self._clock.accepted(self._offset)
        if response.status_code == 401:
            self._clock.refused(self._offset)
            self._report(response)
        if response.is_redirect:
            self._prepare_next_hop(request, response)
        return response

    def _sign(self, request: Any) -> None:
        self._offset = self._clock.offset
        self._header = f"Bearer {self._signer.token(time.time() + self._offset)}"
        request.headers["Authorization"] = self._header

    def _try_again(self, refused: Response, **kwargs: Any) -> Response:
        """Send the request again with the server's time, if that explains the refusal."""
        offset = clock.offset_of(refused.headers.get("Date"))
        if offset is None or not clock.is_off(offset, refused.elapsed, by=self._offset):
            return refused
        self._may_try_again = False
        before = self._clock.offset  # to which another thread's request may have brought it
        self._clock.suggested(offset)
        obstacle = _obstacle(refused)
        if obstacle:
            self._is_explained = True
            from . import diagnosis

            _log.warning("%s", diagnosis.not_sent_again(offset, refused, obstacle))
            return refused
        response = self._send_again(refused, **kwargs)
        if response.status_code != 401 and clock.is_off(offset, refused.elapsed, by=before):
            from . import diagnosis

            _log.warning("%s", diagnosis.clock_news(offset, refused))
        return response

    def _send_again(self, refused: Response, **kwargs: Any) -> Response:
        """Sign and send the refused request anew, as requests' ``HTTPDigestAuth`` does."""
        _read(refused)
        again = refused.request.copy()
        if again._cookies is not None:
            extract_cookies_to_jar(again._cookies, refused.request, refused.raw)
            again.prepare_cookies(again._cookies)
        self._sign(again)
        started = time.perf_counter()
        response: Response = refused.connection.send(again, **kwargs)
        response.elapsed = timedelta(seconds=time.perf_counter() - started)
        response.history.append(refused)
        response.request = again
        return response

    def _report(self, refused: Response) -> None:
        """Log once for each server what may explain a refusal that nothing healed."""
        if self._is_explained or not self._clock.is_first_report():
            return
        from . import diagnosis  # only a refusal pays for what explains it

        _log.warning(
            "%s",
            diagnosis.summary(
                self._header.removeprefix("Bearer "),
                refused,
                application_id=self._signer.application_id,
                fingerprint=self._signer.fingerprint,
                has_worked=self._clock.accepted_at is not None,
            ),
        )

    def _prepare_next_hop(self, request: PreparedRequest, response: Response) -> None:
        """Sign the request anew for a redirect within its origin, or take its header away."""
        if response.request is request:
            response.request = request.copy()  # it keeps saying what was really sent
        if _stays(response):
            self._sign(request)
        else:
            del request.headers["Authorization"]


def _stays(response: Response) -> bool:
    """Tell whether a redirect leads to the origin that it comes from."""
    try:
        origin = origin_of(urljoin(response.url, response.headers["Location"]))
    except ValueError:
        return False
    return origin is not None and origin == origin_of(response.url)


def _obstacle(refused: Response) -> str | None:
    """Make the body ready to be sent again, and tell what keeps the request from it."""
    # Adapters of somebody else's may leave no connection, and those of async clients need await.
    if not hasattr(refused, "connection") or iscoroutinefunction(refused.connection.send):
        return "This client cannot send from here"
    body = refused.request.body
    if body is None or isinstance(body, (str, bytes, bytearray, memoryview)):
        return None
    try:
        rewind_body(refused.request)
    except (UnrewindableBodyError, ValueError):  # ValueError: a closed file
        return "Its body can be read only once"
    return None


def _read(refused: Response) -> None:
    """Read a refusal for ``history``, a large one not to its end, and release its connection."""
    body = b""
    with suppress(RequestException):
        for chunk in refused.iter_content(4096):
            body += chunk
            if len(body) > _MAX_REFUSAL_BYTES:
                break
    refused.close()
    refused._content, refused._content_consumed = body, True
