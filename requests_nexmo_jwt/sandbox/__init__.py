"""A Nexmo on this machine, which refuses what Nexmo refuses and says why.

It is for people without an account, for tests, and for trying things offline::

    with Sandbox() as nexmo:
        requests.get(nexmo.url + "/v1/calls", auth=nexmo.auth())
        assert nexmo.requests[-1].accepted

It listens on 127.0.0.1 only. It signs nothing, so that its verdict depends on no signer.
"""

from __future__ import annotations

import logging
import os
import re
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
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from . import answers
from .answers import Answer
from .judge import Judge, Refusal, read
from .server import Server

if TYPE_CHECKING:
    from ..auth import NexmoJWT

ACCEPTED = "accepted"

_log = logging.getLogger(__name__)

_KEPT_REQUESTS = 1000


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


class Sandbox:
    """A loopback Nexmo with one throwaway application; it runs within a ``with`` block.

    :param port: the port on 127.0.0.1; 0 takes a free one.
    :param clock_offset: seconds that the sandbox's clock is ahead of this machine's;
        negative if behind. It may be set anew at any time.
    :param ssl_context: a server's context, to speak TLS; the name to call is then
        ``localhost``.
    :param application_id: the application's id; by default a new one.
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
        application_id: str | None = None,
        key: rsa.RSAPrivateKey | None = None,
    ) -> None:
        self.clock_offset = clock_offset
        #: The id of the throwaway application.
        self.application_id: str = application_id or str(uuid.uuid4())
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._judge = Judge(self.application_id, key.public_key())
        self._seen: deque[SeenRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._next_answers: deque[Answer] = deque()
        self._thread: threading.Thread | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="nexmo-sandbox-")
        #: The file with the application's private key, mode 0600; gone after the ``with`` block.
        self.private_key: Path = Path(self._folder.name, "private.key")
        owner_only = os.open(self.private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(owner_only, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            self._server = Server(port, self._answer, self.now, ssl_context)
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
        self._server.shutdown()
        if self._thread:
            self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def auth(self, **options: Any) -> NexmoJWT:
        """Return a ``NexmoJWT`` for the throwaway application; ``options`` are its keyword ones."""
        from ..auth import NexmoJWT  # the one thing here that signs; the judge does not know it

        return NexmoJWT(self.application_id, self.private_key, **options)

    def accept_key(self, public_key: rsa.RSAPublicKey) -> None:
        """Take signatures by this key as well, for an application whose key rotates."""
        self._judge.public_keys.append(public_key)

    @property
    def requests(self) -> list[SeenRequest]:
        """The last 1,000 requests that it has answered, oldest first."""
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
        self._next_answers.append(Answer(int(status), headers or {}, content))

    def now(self) -> float:
        """Return the time by the sandbox's clock, in Unix seconds."""
        return time.time() + self.clock_offset

    def _answer(self, method: str, path: str, authorization: list[str], body: bytes) -> Answer:
        claims: dict[str, Any] | None = None
        verdict = ACCEPTED
        try:
            token = read(authorization)
            claims = token.claims
            self._judge.judge(token, method, path, now=self.now())
        except Refusal as refusal:
            verdict = str(refusal)
            answer = answers.refused(verdict, is_expired=refusal.code == "expired")
        else:
            answer = answers.accepted(method, path, claims)
        with suppress(IndexError):
            answer = self._next_answers.popleft()
        self._seen.append(SeenRequest(method, path, claims, verdict, answer.status, body))
        # Escaped, for the terminal of whoever reads the log.
        _log.info("%s", ascii(f"{method} {path}: {answer.status}, {verdict}")[1:-1])
        return answer
