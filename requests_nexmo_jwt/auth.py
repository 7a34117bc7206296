"""The life of a request: it walks in, and walks out with a token of its own."""

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

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests import PreparedRequest, RequestException, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from . import credentials, diagnosis, keys
from .claims import DEFAULT_TTL, ClaimsSet
from .errors import PrivateKeyError
from .inspection import inspect
from .scope import Origin, Scope, origin_of

_log = logging.getLogger(__package__)

#: A request of whichever client: what walks in is what walks out.
R = TypeVar("R")

# Problems of RFC 7807 have some hundred bytes; whoever streams need not wait for an endless one.
_MAX_REFUSAL_BYTES = 1 << 20


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
        self._claims = ClaimsSet(found.application_id, ttl=ttl, sub=sub, acl=acl, claims=claims)
        self._source, self._place = found.source, found.place
        self._has_passphrase = passphrase is not None
        self._key: keys.Key | None = found.load_key(passphrase)
        self._scope = Scope(hosts)
        self._has_told = False
        self._servers: dict[Origin, _Server] = {}
        self._latest = _Server()  # the one that has accepted a token last

    @property
    def source(self) -> str:
        """Where the credentials came from, as one line for people."""
        return self._source

    def __call__(self, r: R) -> R:
        """Set the request's ``Authorization`` header to a new token, and return the request.

        ``r`` is a request of requests or of a client with requests' contract, such as httpx
        and niquests. Raises ``ScopeError`` where its URL may not have one.
        """
        request: Any = r
        self._scope.check(str(request.url))
        hops = _Hops(self, self._server_at(str(request.url)))
        hops.sign(request)
        # httpx's requests have no hooks; it takes any callable that sets a header.
        if hasattr(request, "register_hook"):
            for hook in [hook for hook in request.hooks["response"] if isinstance(hook, _Hops)]:
                request.deregister_hook("response", hook)
            request.register_hook("response", hops)
        return r

    def token(self) -> str:
        """Return a new token, valid from now for ``ttl`` seconds.

        Now is by the clock of the server that has accepted a token last.
        """
        return self._token(self._latest.proved)

    def _token(self, clock_offset: float) -> str:
        claims = self._claims.at(time.time() + clock_offset)
        return jwt.encode(claims, self._loaded_key().current(), algorithm="RS256")

    def _server_at(self, url: str) -> _Server:
        """Return what is known of the server behind ``url``; servers may differ in the time."""
        origin = origin_of(url)
        assert origin  # noqa: S101 - it has passed the scope
        return self._servers.setdefault(origin, _Server())

    def _tell_of_401(self, response: Response, *, has_worked: bool) -> None:
        """Log what may explain a 401, once for an auth object."""
        if not self._has_told:
            self._has_told = True
            token = str(response.request.headers["Authorization"]).removeprefix("Bearer ")
            _log.warning(
                diagnosis.summary(
                    inspect(token),
                    response,
                    application_id=self._claims.application_id,
                    fingerprint=self._loaded_key().fingerprint,
                    has_worked=has_worked,
                )
            )

    def _loaded_key(self) -> keys.Key:
        """Return the key; in a process that this object was sent to, load it at its first use.

        Not sooner: an exception from unpickling kills the worker of a process pool.
        """
        if self._key:
            return self._key
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
        of_this_process: dict[str, Any] = {
            "_key": None,
            "_has_told": False,
            "_servers": {},
            "_latest": _Server(),
        }
        return {**vars(self), **of_this_process}

    def __copy__(self) -> NexmoJWT:
        """Return the object itself: users cannot change it."""
        return self

    def __deepcopy__(self, memo: object) -> NexmoJWT:
        """Return the object itself: a key in an HSM cannot be copied."""
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NexmoJWT):
            return NotImplemented
        return (
            self._claims == other._claims
            and self._scope == other._scope
            and self._loaded_key().fingerprint == other._loaded_key().fingerprint
        )

    def __repr__(self) -> str:
        if "_scope" not in vars(self):  # a crash reporter's look at a constructor that failed
            return f"<{type(self).__name__} that could not be made>"
        key = self._key.fingerprint if self._key else self._source
        return f"{type(self).__name__}(application_id={self._claims.application_id!r}, key={key!r})"


class _Server:
    """What the answers of one server have taught.

    ``offset`` is the seconds that its clock seems to be ahead of this machine's, ``proved``
    that of the last token that it took, ``has_accepted`` whether it ever took one.
    """

    def __init__(self) -> None:
        self.offset = self.proved = 0.0
        self.has_accepted = False

    def learn(self, offset: float, status: int) -> None:
        """Note the ``status`` that a token signed with ``offset`` got: a ``Date`` may lie."""
        if status < 300:
            self.has_accepted = True
        if offset != self.offset:
            return  # another thread has found another one since
        if status < 300:
            self.proved = offset
        elif status == 401:
            self.offset = self.proved


class _Hops:
    """The life of one signed request: its redirects, and its second try after a 401.

    It is a response hook of requests, which copies each redirect from the request, hook
    included, when the hooks have run; ``__call__`` of the auth object is not called again.
    """

    def __init__(self, auth: NexmoJWT, server: _Server) -> None:
        self._auth, self._server = auth, server
        self._may_try_again = True
        self._is_explained = False

    def sign(self, request: PreparedRequest) -> None:
        """Set the header, and remember what it says and by which time."""
        self._offset = self._server.offset
        self._header = f"Bearer {self._auth._token(self._offset)}"
        request.headers["Authorization"] = self._header

    def __call__(self, response: Response, **kwargs: Any) -> Response:
        """Answer a 401 that a wrong clock explains; make the request ready for a redirect."""
        request = response.request
        if request.headers.get("Authorization") != self._header:
            return response  # a hop to another origin, which had no token
        if response.status_code == 401 and self._may_try_again:
            response = self._try_again(response, **kwargs)
        self._server.learn(self._offset, response.status_code)
        if response.status_code < 300:
            self._auth._latest = self._server
        if response.status_code == 401 and not self._is_explained:
            self._auth._tell_of_401(response, has_worked=self._server.has_accepted)
        if response.is_redirect:
            if response.request is request:
                response.request = request.copy()  # it keeps saying what was really sent
            if _stays(response):
                self.sign(request)
            else:
                del request.headers["Authorization"]
        return response

    def _try_again(self, refused: Response, **kwargs: Any) -> Response:
        """Sign with the server's time and send again, as requests' ``HTTPDigestAuth`` does."""
        offset = diagnosis.clock_offset(refused)
        if offset is None or not diagnosis.clock_is_off(offset, refused, by=self._offset):
            return refused
        self._may_try_again = False
        before = self._server.offset
        self._server.offset = offset
        obstacle = _obstacle(refused)
        if obstacle:
            self._is_explained = True
            _log.warning(
                "%s %s, so the request that was refused was not sent again; the next request of "
                "this auth object is signed with that time.",
                diagnosis.clock_news(offset, refused),
                obstacle,
            )
            return refused
        _read(refused)
        again = refused.request.copy()
        if again._cookies is not None:
            extract_cookies_to_jar(again._cookies, refused.request, refused.raw)
            again.prepare_cookies(again._cookies)
        self.sign(again)
        started = time.perf_counter()
        response = refused.connection.send(again, **kwargs)
        response.elapsed = timedelta(seconds=time.perf_counter() - started)
        response.history.append(refused)
        response.request = again
        if response.status_code != 401 and diagnosis.clock_is_off(offset, refused, by=before):
            _log.warning("%s", diagnosis.clock_news(offset, refused))
        return response


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
