"""A local stand-in for Nexmo, for tests and for use without an account.

It listens on 127.0.0.1 only, and words a refusal as the product of the requested path does. The
reason for a refusal is in ``nexmo.requests``, in the log, and in the header ``X-Sandbox-Verdict``,
which Nexmo does not send. ``docs/vonage.md`` lists what the sandbox decides where Nexmo's behaviour
is not documented.
"""

from __future__ import annotations

import logging
import os
import secrets
import ssl
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ..redaction import escaped
from ..vonage.products import product_at
from . import answers
from .answers import PreparedAnswer
from .judge import Call, Judge, Refusal
from .server import Server

if TYPE_CHECKING:
    from ..auth import NexmoJWT

_ACCEPTED = "accepted"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeenRequest:
    """A request that the sandbox has answered.

    ``path`` includes the query. ``claims`` are those of the token, verified or not, or None if
    there was no readable token. ``verdict`` is ``"accepted"`` or the reason for the refusal.
    ``status`` is the status of the answer.
    """

    method: str
    path: str
    claims: dict[str, Any] | None
    verdict: str
    status: int
    body: bytes

    @property
    def accepted(self) -> bool:
        """Whether the token, or the API key and secret, were accepted."""
        return self.verdict == _ACCEPTED


class Sandbox:
    """A stand-in for Nexmo with one temporary application. It runs within a ``with`` block.

    :param port: the port on 127.0.0.1, or 0 for a free one.
    :param clock_offset: how many seconds the sandbox's clock is ahead of this machine's, negative
        if behind. It can be changed at any time.
    :param ssl_context: a server context, to use TLS. The host is then ``localhost``.
    :param application_id: the application's id, by default a new one.
    :param key: the application's key, by default a new one of 2048 bits, which takes about 0.1 s.
    :param single_use: refuse a token whose ``jti`` was accepted before. Nexmo does not do this;
        use it in tests to check that each request has its own token.
    :raises OSError: the port is in use or not permitted.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock_offset: float = 0,
        ssl_context: ssl.SSLContext | None = None,
        application_id: str | None = None,
        key: rsa.RSAPrivateKey | None = None,
        single_use: bool = False,
    ) -> None:
        self.clock_offset = clock_offset
        #: The id of the temporary application.
        self.application_id: str = application_id or str(uuid.uuid4())
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        #: The API key and secret of its account, which some products accept instead of a token.
        self.api_key: str = secrets.token_hex(4)
        self.api_secret: str = secrets.token_hex(8)
        self._judge = Judge(
            self.application_id,
            key.public_key(),
            key_and_secret=f"{self.api_key}:{self.api_secret}",
            single_use=single_use,
        )
        self._answers: dict[tuple[str, str], PreparedAnswer] = {}
        self._seen: deque[SeenRequest] = deque(maxlen=1000)
        self._next_answers: deque[PreparedAnswer] = deque()
        self._thread: threading.Thread | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="nexmo-sandbox-")
        #: The file with the application's private key, mode 0600, deleted after the block.
        self.private_key: Path = Path(self._folder.name, "private.key")
        _write(self.private_key, key)
        try:
            self._server = Server(port, self._answer, self.now, ssl_context)
        except (OSError, OverflowError):
            self._folder.cleanup()
            raise
        scheme, host = ("https", "localhost") if ssl_context else ("http", "127.0.0.1")
        #: Its URL, without a trailing slash.
        self.url: str = f"{scheme}://{host}:{self._server.server_port}"

    def __enter__(self) -> Sandbox:
        if self._thread:
            raise RuntimeError("A Sandbox runs once. Make a new one for the next with block.")
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.005,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        if self._thread:
            self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def auth(self, **options: Any) -> NexmoJWT:
        """Return a ``NexmoJWT`` for the application, with these keyword arguments."""
        from ..auth import NexmoJWT  # only here: the sandbox itself does not depend on the signer

        return NexmoJWT(self.application_id, self.private_key, **options)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for ``NexmoJWT()`` and HTTPie; other hosts are refused."""
        return {
            "VONAGE_APPLICATION_ID": self.application_id,
            "VONAGE_PRIVATE_KEY": str(self.private_key),
            "VONAGE_API_KEY": self.api_key,
            "VONAGE_API_SECRET": self.api_secret,
            "NEXMO_JWT_HOSTS": self.url,
        }

    def rotate_key(self) -> None:
        """Replace the file ``private_key`` with a new key, and refuse the previous keys."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        new = self.private_key.with_name(f"{uuid.uuid4()}.key")
        _write(new, key)
        keys = self._judge.public_keys
        keys.append(key.public_key())
        os.replace(new, self.private_key)
        del keys[:-1]

    def accept_key(self, public_key: rsa.RSAPublicKey) -> None:
        """Accept signatures of this key too. It becomes the application's current key."""
        self._judge.public_keys.append(public_key)

    @property
    def requests(self) -> list[SeenRequest]:
        """The last 1,000 answered requests, oldest first."""
        return list(self._seen)

    def answer(
        self,
        method: str,
        path: str,
        status: int = 200,
        body: object = b"",
        headers: Mapping[str, str | None] | None = None,
    ) -> None:
        """Set the answer to accepted requests for ``method`` and ``path``, until it is replaced.

        A ``path`` begins with a slash; without a query it matches every query. ``body`` is str,
        bytes, or an object to send as JSON.
        """
        self._answers[method.upper(), path] = _prepared(status, headers, body)

    def answer_next(
        self, status: int = 200, headers: Mapping[str, str | None] | None = None, body: object = b""
    ) -> None:
        """Set the answer to the next request, whether it is accepted or not.

        Further calls set the answers to the requests after that one. ``Date`` and
        ``Content-Length`` are added, unless they are None in ``headers``. ``body`` is str, bytes,
        or an object to send as JSON.
        """
        self._next_answers.append(_prepared(status, headers, body))

    def now(self) -> float:
        """Return the time of the sandbox's clock, in Unix seconds."""
        return time.time() + self.clock_offset

    def _answer(
        self, method: str, path: str, authorization: list[str], body: bytes
    ) -> PreparedAnswer:
        call = Call(method, path, authorization, product_at(path))
        trace_id = uuid.uuid4().hex
        try:
            self._judge.judge(call, now=self.now())
        except Refusal as refusal:
            verdict = str(refusal)
            answer = answers.refused(refusal.code, call.product, trace_id)
        else:
            verdict = _ACCEPTED
            answer = self._accepted(call)
        added = {"x-nexmo-trace-id": trace_id, "X-Sandbox-Verdict": _in_ascii(verdict)[:200]}
        answer = answer._replace(headers={**added, **answer.headers})
        with suppress(IndexError):
            answer = self._next_answers.popleft()
        claims = self._judge.claims_in(call)
        self._seen.append(SeenRequest(method, path, claims, verdict, answer.status, body))
        _log.info("%s", _in_ascii(f"{method} {path}: {answer.status}, {verdict}"))
        return answer

    def _accepted(self, call: Call) -> PreparedAnswer:
        path = call.path.partition("?")[0]
        for requested in (call.path, path):
            if (call.method, requested) in self._answers:
                return self._answers[call.method, requested]
        folder, _, last = path.rpartition("/")
        if (call.method, folder) == ("GET", "/v2/applications"):
            pem = self._judge.public_keys[-1].public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
            return answers.application(self.application_id, pem.decode(), last)
        return answers.accepted(call.method, call.path, self._judge.claims_in(call))


def _write(path: Path, key: rsa.RSAPrivateKey) -> None:
    """Write a key to a new file that only its owner can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _in_ascii(text: str) -> str:
    """Return ``text`` on one safe line: parts of it may come from a client."""
    return escaped(text).replace("\n", " ").encode("ascii", "backslashreplace").decode()


def _prepared(
    status: int, headers: Mapping[str, str | None] | None, body: object
) -> PreparedAnswer:
    if not isinstance(body, (str, bytes)):
        as_json = answers.as_json(status, body)
        headers, body = {**as_json.headers, **(headers or {})}, as_json.body
    return PreparedAnswer(status, headers or {}, body.encode() if isinstance(body, str) else body)
