"""A Nexmo on this machine, which refuses what Nexmo refuses and says why.

It is for people without an account, for tests, and for trying things offline::

    with Sandbox() as nexmo:
        requests.get(nexmo.url + "/v1/calls", auth=nexmo.auth())
        assert nexmo.requests[-1].accepted

It listens on 127.0.0.1 only. It judges tokens with PyJWT and the rules of
``claims``; it makes none.
"""

from __future__ import annotations

import fnmatch
import json
import logging
import os
import re
import socket
import ssl
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.structures import CaseInsensitiveDict

from .claims import MAX_TTL, violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from .auth import NexmoJWT

ACCEPTED = "accepted"

_log = logging.getLogger(__name__)

_PROBLEMS = "https://developer.vonage.com/api-errors"
_KEPT_REQUESTS = 50_000
_KEPT_BODY_BYTES = 8 << 20
_MAX_BODY_BYTES = 64 << 20

# The call of the article's answer: GET /v1/calls, in HAL.
_CALLS = {
    "count": 1,
    "page_size": 10,
    "record_index": 0,
    "_links": {"self": {"href": "/v1/calls?page_size=10&record_index=0"}},
    "_embedded": {
        "calls": [
            {
                "uuid": "63f61863-4a51-4f6b-86e1-46edebcf9356",
                "conversation_uuid": "CON-f972836a-550f-45fa-956c-12a2ab5b7d22",
                "status": "completed",
                "direction": "outbound",
                "to": {"type": "phone", "number": "447700900000"},
                "from": {"type": "phone", "number": "447700900001"},
                "rate": "0.01000000",
                "price": "0.01000000",
                "duration": "60",
                "start_time": "2018-11-01T09:00:00.000Z",
                "end_time": "2018-11-01T09:01:00.000Z",
                "network": "23410",
                "_links": {"self": {"href": "/v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356"}},
            }
        ]
    },
}


@dataclass(frozen=True)
class SeenRequest:
    """A request that the sandbox has answered.

    ``path`` is with its query, as it was sent. ``claims`` are the token's, believed or
    not; None where there was no token to read. ``verdict`` is ``"accepted"`` or the
    sentence that the caller got as ``detail``. ``status`` is the status of the answer.
    """

    method: str
    path: str
    claims: dict[str, Any] | None
    verdict: str
    status: int
    body: bytes

    @property
    def accepted(self) -> bool:
        """Whether Nexmo would have taken the token."""
        return self.verdict == ACCEPTED


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str | None]
    body: bytes


class _RefusedError(Exception):
    """The token is refused; the text is the ``detail`` of the answer."""

    def __init__(self, detail: str, kind: str = "unauthorized") -> None:
        super().__init__(detail)
        self.kind = kind


class Sandbox:
    """A loopback Nexmo with one throwaway application; it runs within a ``with`` block.

    :param port: the port on 127.0.0.1; 0 takes a free one.
    :param clock_offset: seconds that the sandbox's clock is ahead of this machine's;
        negative if behind. It may be set anew at any time.
    :param ssl_context: a server's context, to speak TLS; the name to call is then
        ``localhost``.
    :param key: the application's key; by default a new one of 2048 bits, which takes a
        tenth of a second to make.
    :raises OSError: the port is taken or not allowed.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock_offset: float = 0,
        ssl_context: ssl.SSLContext | None = None,
        key: rsa.RSAPrivateKey | None = None,
    ) -> None:
        self.clock_offset = clock_offset
        #: The id of the throwaway application.
        self.application_id: str = str(uuid.uuid4())
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public_keys = [key.public_key()]
        self._seen: deque[SeenRequest] = deque()
        self._seen_bytes = 0
        self._spent: dict[str, float] = {}  # jti: when its token has expired for certain
        self._sweep_at = 1024
        self._next_answers: deque[_Answer] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="nexmo-sandbox-")
        #: The file with the application's private key, mode 0600; gone after the ``with`` block.
        self.private_key: Path = Path(self._folder.name, "private.key")
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with open(
            os.open(self.private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as f:
            f.write(pem)
        try:
            self._server = _Server(port, self._answer, self.now, ssl_context)
        except (OSError, OverflowError):
            self._folder.cleanup()
            raise
        scheme, host = ("https", "localhost") if ssl_context else ("http", "127.0.0.1")
        #: Where it listens, without a slash at the end.
        self.url: str = f"{scheme}://{host}:{self._server.server_port}"

    def __enter__(self) -> Sandbox:
        if self._thread:
            raise RuntimeError("A Sandbox runs once. Make a new one for the next with block.")
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._thread  # noqa: S101 - __enter__ has made it
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def auth(self, **options: Any) -> NexmoJWT:
        """Return a ``NexmoJWT`` for the throwaway application; ``options`` are its keyword ones."""
        from .auth import NexmoJWT  # the one thing here that signs; the judge must not depend on it

        return NexmoJWT(self.application_id, self.private_key, **options)

    def accept_key(self, public_key: rsa.RSAPublicKey) -> None:
        """Take signatures by this key as well, for an application whose key rotates."""
        self._public_keys.append(public_key)

    @property
    def requests(self) -> list[SeenRequest]:
        """What it has answered, oldest first.

        The last 50,000 requests, or fewer where their bodies have more than 8 MiB.
        """
        with self._lock:
            return list(self._seen)

    def answer_next(
        self,
        status: int = 200,
        headers: Mapping[str, str | None] | None = None,
        body: bytes | str = b"",
    ) -> None:
        """Answer the next request with this, whatever the verdict on its token.

        Called again before that request comes, it is for the one after it. ``Date`` and
        ``Content-Length`` are added; a header that is None in ``headers`` is left out. Raises
        ``ValueError`` or ``TypeError`` for what HTTP cannot send.
        """
        content = body.encode() if isinstance(body, str) else bytes(body)
        for name, value in (headers or {}).items():
            if re.search(rb"[\r\n]", f"{name}{value}".encode("latin-1")):
                raise ValueError(f"the header {name!r} has a line end in it")
        if not 200 <= int(status) <= 999:
            raise ValueError(f"status is {status}; the last answer to a request is 200 or above")
        self._next_answers.append(_Answer(int(status), headers or {}, content))

    def now(self) -> float:
        """Return the time by the sandbox's clock, in Unix seconds."""
        return time.time() + self.clock_offset

    def _answer(self, method: str, path: str, authorization: list[str], body: bytes) -> _Answer:
        claims: dict[str, Any] | None = None
        verdict = ACCEPTED
        try:
            token = _bearer(authorization)
            claims = _read_claims(token)
            self._judge(token, claims, method, path)
        except _RefusedError as refused:
            verdict = str(refused)
            answer = _problem(refused)
        else:
            if method == "GET" and _without_query(path) == "/v1/calls":
                answer = _json_answer(200, _CALLS)
            else:
                answer = _json_answer(200, {"method": method, "path": path, "claims": claims})
        with suppress(IndexError):
            answer = self._next_answers.popleft()
        seen = SeenRequest(method, path, claims, verdict, answer.status, body)
        self._keep(seen)
        # Escaped, for the terminal of whoever reads the log.
        _log.info("%s", ascii(f"{method} {path}: {answer.status}, {verdict}")[1:-1])
        return answer

    def _keep(self, seen: SeenRequest) -> None:
        with self._lock:
            self._seen.append(seen)
            self._seen_bytes += len(seen.body)
            while len(self._seen) > _KEPT_REQUESTS or (
                self._seen_bytes > _KEPT_BODY_BYTES and len(self._seen) > 1
            ):
                self._seen_bytes -= len(self._seen.popleft().body)

    def _judge(self, token: str, claims: dict[str, Any], method: str, path: str) -> None:
        """Raise for the first rule that the token breaks."""
        application_id = claims.get("application_id")
        if application_id is not None and application_id != self.application_id:
            raise _RefusedError(f"application_id {application_id!r} is not known here")
        if not any(_is_signed(token, public_key) for public_key in self._public_keys):
            raise _RefusedError("the signature does not match the application's public key")
        now = self.now()
        for violation in violations(claims, now=now):
            raise _RefusedError(
                violation.reason, "jwt-expired" if violation.expired else "unauthorized"
            )
        if "acl" in claims and not _acl_allows(claims["acl"], method, _without_query(path)):
            raise _RefusedError(f"acl does not allow {method} {_without_query(path)}")
        if not self._spend(claims["jti"], now):
            raise _RefusedError("jti was used before: each request needs a token of its own")

    def _spend(self, jti: str, now: float) -> bool:
        """Remember ``jti`` until no token that has it can be valid; False if it was there."""
        with self._lock:
            if jti in self._spent:
                return False
            if len(self._spent) >= self._sweep_at:
                self._spent = {old: end for old, end in self._spent.items() if end > now}
                self._sweep_at = 2 * len(self._spent) + 1024
            self._spent[jti] = now + MAX_TTL
            return True


def _number(digits: str, form: str, base: int) -> int:
    if not re.fullmatch(form, digits):
        raise ValueError(f"{digits!r:.40} is no length of a body")
    return int(digits, base)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _without_query(path: str) -> str:
    return path.partition("?")[0]


def _bearer(authorization: list[str]) -> str:
    if not authorization:
        raise _RefusedError("there is no Authorization header")
    if len(authorization) > 1:
        raise _RefusedError(f"there are {len(authorization)} Authorization headers")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        raise _RefusedError(f"the Authorization scheme is {scheme!r}; it must be Bearer")
    return token.strip()


def _read_claims(token: str) -> dict[str, Any]:
    """Return what the token says, believed by nobody so far."""
    try:
        parts = jwt.PyJWS().decode_complete(token, options={"verify_signature": False})
        algorithm = parts["header"].get("alg")
        claims = json.loads(parts["payload"], parse_constant=_no_constant)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise _RefusedError(f"the token is malformed: {error}") from None
    if algorithm != "RS256":
        raise _RefusedError(f"alg is {algorithm!r}; it must be RS256")
    if not isinstance(claims, dict):
        raise _RefusedError("the token is malformed: its claims are no JSON object")
    return claims


def _is_signed(token: str, public_key: rsa.RSAPublicKey) -> bool:
    try:
        jwt.PyJWS().decode(token, public_key, algorithms=["RS256"])
    except jwt.InvalidSignatureError:
        return False
    except jwt.InvalidTokenError as error:
        raise _RefusedError(f"the token is malformed: {error}") from None
    return True


def _acl_allows(acl: Mapping[str, Any], method: str, path: str) -> bool:
    """Tell whether a well-formed ``acl`` opens ``path`` for ``method``; ``filters`` are not read.

    In a path of an ``acl``, ``*`` stands for anything within a segment, and ``**`` for
    any number of segments, none included: ``/*/calls/**`` opens ``/v1/calls``.
    """
    return any(
        method in rule.get("methods", [method]) and _path_matches(pattern, path)
        for pattern, rule in acl["paths"].items()
    )


def _path_matches(pattern: str, path: str) -> bool:
    """Match segment by segment: the time is bounded, whatever the pattern."""
    parts = path.split("/")[1:]
    reached = {0}  # how many parts the pattern may have used up so far
    for segment in pattern.split("/")[1:]:
        if segment == "**":
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            name = re.sub(r"([?[])", r"[\1]", segment)  # only "*" is special in an acl
            reached = {
                used + 1
                for used in reached
                if used < len(parts) and fnmatch.fnmatchcase(parts[used], name)
            }
    return len(parts) in reached


def _problem(refused: _RefusedError) -> _Answer:
    """Return the 401 of RFC 7807, with Vonage's types."""
    title = "JWT expired" if refused.kind == "jwt-expired" else "Unauthorized"
    problem = {
        "type": f"{_PROBLEMS}#{refused.kind}",
        "title": title,
        "detail": str(refused),
        "instance": uuid.uuid4().hex,
    }
    headers = {"Content-Type": "application/problem+json", "WWW-Authenticate": "Bearer"}
    return _json_answer(401, problem, headers)


def _json_answer(
    status: int, content: object, headers: Mapping[str, str | None] | None = None
) -> _Answer:
    body = json.dumps(content, indent=2).encode() + b"\n"
    return _Answer(status, headers or {"Content-Type": "application/json"}, body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        answer: Callable[[str, str, list[str], bytes], _Answer],
        now: Callable[[], float],
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        self.answer = answer
        self.now = now
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        if ssl_context:
            # The handshake is left to the connection's own thread: a slow client stops nobody.
            self.socket = ssl_context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and end the connections that clients keep open."""
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away in the middle of a request."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nexmo-sandbox"
    sys_version = ""
    timeout = 60
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True
    server: _Server

    def __getattr__(self, name: str) -> Any:
        # http.server looks for do_GET, do_POST and so on; here each method is answered alike.
        if name.startswith("do_"):
            return self._do
        raise AttributeError(name)

    def _do(self) -> None:
        try:
            body = self._read_body()
        except ValueError as error:
            self.close_connection = True
            return self.send_error(400, str(error))
        authorization = self.headers.get_all("Authorization") or []
        answer = self.server.answer(self.command, self.path, authorization, body)
        has_body = answer.status >= 200 and answer.status not in (204, 304)
        headers = CaseInsensitiveDict[str | None](Date=self.date_time_string(self.server.now()))
        if has_body:
            headers["Content-Length"] = str(len(answer.body))
        headers.update(answer.headers)
        if has_body and headers["Content-Length"] is None and "Transfer-Encoding" not in headers:
            headers["Connection"] = "close"  # the one sign left of where the body ends
        self.send_response_only(answer.status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(answer.body)
        return None

    def handle_expect_100(self) -> bool:
        """Tell the client to go on, at once: it waits for that with its body."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def _read_body(self) -> bytes:
        encoding = self.headers.get("Transfer-Encoding", "")
        if not encoding:
            lengths = {*self.headers.get_all("Content-Length", ["0"])}
            return self._read(_number(", ".join(lengths), "[0-9]+", 10))
        if encoding.lower() != "chunked":
            raise ValueError("a Transfer-Encoding is 'chunked' here, or there is none")
        body = b""
        while size := _number(self._line().partition(";")[0].rstrip(), "[0-9a-fA-F]+", 16):
            body += self._read(size, len(body))
            if self._line():
                raise ValueError("a chunk is longer than it says")
        while self._line():  # trailers
            pass
        return body

    def _line(self) -> str:
        line = self.rfile.readline(65536)
        if not line.endswith(b"\n"):
            raise ValueError("the body was cut short")
        return line.strip(b"\r\n").decode("latin-1")

    def _read(self, size: int, already: int = 0) -> bytes:
        if size > _MAX_BODY_BYTES - already:
            raise ValueError(f"a body is at most {_MAX_BODY_BYTES} bytes here")
        content = self.rfile.read(size)
        if len(content) < size:
            raise ValueError("the body was cut short")
        return content

    def log_message(self, format: str, *args: Any) -> None:
        """Keep silent: whoever runs the sandbox asks for ``requests``."""
