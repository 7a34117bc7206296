"""A local stand-in for Nexmo, for tests and for use without an account.

It listens on 127.0.0.1 only. It answers as Vonage's specifications say, and words a refusal as the
product of the requested path does. The reason for a refusal is in ``nexmo.requests``, in the log,
and in the header ``X-Sandbox-Verdict``, which Nexmo does not send. ``docs/vonage.md`` lists what
the sandbox decides where Nexmo's behaviour is not documented.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.structures import CaseInsensitiveDict

from ..credentials import given
from ..credentials.key import Key
from ..credentials.places import Credentials
from ..redaction import Hidden, Secret, escaped
from ..scope import ENDPOINT_VARIABLE
from . import answers
from .answers import PreparedAnswer
from .judge import Call, Judge, Refusal
from .key_file import ApplicationKeyFile
from .resources import Resources, application, unrouted
from .server import MAX_BODY_BYTES, Server

if TYPE_CHECKING:
    from ..auth import NexmoJWT

_ACCEPTED = "accepted"

_UNROUTED = {
    200: "Nexmo answers this path without any authentication",
    403: "Nexmo's gateway does not pass this method on",
    404: "no product that is known has this path; answer() of the sandbox adds one",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeenRequest:
    """A request that the sandbox has answered.

    ``path`` includes the query. ``claims`` are those of the token, verified or not, or None if
    there was no readable token. ``verdict`` is ``"accepted"``, or why it was not: a refusal, say.
    ``status`` is the status of the answer. ``headers`` are case-insensitive; the token, or the API
    key and secret, are left out of them.
    """

    method: str
    path: str
    claims: dict[str, Any] | None
    verdict: str
    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """Return the body, read as JSON; raise ``ValueError`` if it is not JSON."""
        return loads(self.body)

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
    :param application_id: the application's id. By default all sandboxes of a process share one
        application and its key.
    :param key: the application's key, of 2048 bits or more: the path of a PEM file, PEM text, or a
        cryptography ``RSAPrivateKey``. A file is left as it was.
    :param passphrase: for an encrypted PEM; by default ``VONAGE_PRIVATE_KEY_PASSPHRASE``.
    :param single_use: refuse a token whose ``jti`` was accepted before. Nexmo does not do this;
        use it in tests to check that each request has its own token.
    :raises OSError: the port is in use or not permitted.
    :raises NexmoJWTError: ``application_id``, ``key`` or ``passphrase`` cannot be used.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock_offset: float = 0,
        ssl_context: ssl.SSLContext | None = None,
        application_id: str | None = None,
        key: rsa.RSAPrivateKey | str | bytes | os.PathLike[str] | None = None,
        passphrase: str | bytes | Secret | None = None,
        single_use: bool = False,
    ) -> None:
        # As in NexmoJWT, no frame shows what was given.
        name = Hidden(_ID if application_id is None else application_id)
        hidden_key = Hidden(_shared_key() if key is None else key)
        phrase = Hidden(passphrase)
        del application_id, key, passphrase
        self.clock_offset = clock_offset
        checked, loaded = _loaded(name, hidden_key, phrase)
        #: The id of the application.
        self.application_id: str = checked
        private = loaded.current().private
        #: The API key and secret of its account, which some products accept instead of a token.
        #: They follow from the id, so what a shell was told is true after a restart.
        digest = hashlib.sha256(self.application_id.encode()).hexdigest()
        self.api_key: str = digest[:8]
        self.api_secret: str = digest[8:24]
        pair, public_key = f"{self.api_key}:{self.api_secret}", private.public_key()
        self._judge = Judge(self.application_id, public_key, pair, single_use=single_use)
        self._resources = Resources()
        self._answers: dict[tuple[str, str], PreparedAnswer] = {}
        self._seen: deque[SeenRequest] = deque(maxlen=1000)
        self._next_answers: deque[PreparedAnswer] = deque()
        self._thread: threading.Thread | None = None
        # Removed with the object, if what follows fails.
        self._file = ApplicationKeyFile(loaded.path, private)
        #: The file with the application's private key. One of the sandbox's own has the mode 0600,
        #: and is deleted after the block.
        self.private_key: Path = self._file.path
        self._server = Server(port, self._answer, self.now, ssl_context)
        #: Its URL, without a trailing slash.
        self.url: str = self._server.url

    def __enter__(self) -> Sandbox:
        if self._thread:
            raise RuntimeError("A Sandbox runs once. Make a new one for the next with block.")
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if os.getpid() == self._process:  # not the child of a fork
            self._server.stop(self._thread)
            self._file.close()

    def auth(self, **options: Any) -> NexmoJWT:
        """Return a ``NexmoJWT`` for the application, with these keyword arguments."""
        from ..auth import NexmoJWT  # only here: the sandbox itself does not depend on the signer

        return NexmoJWT(self.application_id, self.private_key, **options)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which a program's requests for Vonage come here.

        ``NexmoJWT()``, HTTPie and the command find the application, and send requests for Vonage's
        hosts to the sandbox. ``NO_PROXY`` keeps these from a proxy.
        """
        host, others = urlsplit(self.url).hostname, os.environ.get("no_proxy", "")
        others = others or os.environ.get("NO_PROXY", "")
        is_there = others == "*" or host in others.split(",")
        no_proxy = others if is_there else ",".join(filter(None, [others, host]))
        return {
            "VONAGE_APPLICATION_ID": self.application_id,
            "VONAGE_PRIVATE_KEY": str(self.private_key),
            "VONAGE_API_KEY": self.api_key,
            "VONAGE_API_SECRET": self.api_secret,
            ENDPOINT_VARIABLE: self.url,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def rotate_key(self) -> None:
        """Replace the key in the file ``private_key``, until the end, and refuse previous keys."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        keys = self._judge.public_keys
        keys.append(key.public_key())
        self._file.replace(key)
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
        *,
        body: object = b"",
        headers: Mapping[str, str | None] | None = None,
    ) -> None:
        """Set the answer to accepted requests for ``method`` and ``path``, until it is replaced.

        A ``path`` begins with a slash; without a query it matches every query. A path that Nexmo
        does not have is added. ``body`` and ``headers`` are those of ``answer_next``.
        """
        if not re.fullmatch('/[!"$-~]*', path):
            raise ValueError(
                f"path has to begin with a slash, and be encoded as in a URL: {path!r}"
            )
        self._answers[method.upper(), path] = answers.prepared(status, body, headers, self.url)

    def answer_next(
        self,
        status: int = 200,
        *,
        body: object = b"",
        headers: Mapping[str, str | None] | None = None,
    ) -> None:
        """Set the answer to the next request, whether it is accepted or not.

        Further calls set the answers to the requests after that one. ``status`` is 200 to 599,
        ``body`` str, bytes, or an object to send as JSON; ``TypeError`` or ``ValueError`` is raised
        for others. ``Date`` and ``Content-Length`` are added, unless they are None in
        ``headers``. A ``Location`` at one of Vonage's hosts becomes one at the sandbox.
        """
        self._next_answers.append(answers.prepared(status, body, headers, self.url))

    def now(self) -> float:
        """Return the time of the sandbox's clock, in Unix seconds."""
        return time.time() + self.clock_offset

    def _answer(self, call: Call) -> PreparedAnswer:
        trace_id = uuid.uuid4().hex
        answer, verdict = self._judged(call, trace_id)
        added = {"x-nexmo-trace-id": trace_id, "X-Sandbox-Verdict": _in_ascii(verdict)[:200]}
        answer = answer._replace(headers={**added, **answer.headers})
        with suppress(IndexError):
            answer = self._next_answers.popleft()
        headers = CaseInsensitiveDict[str](call.headers.items())
        if "Authorization" in headers:
            scheme = call.scheme if call.scheme in ("bearer", "basic") else ""
            headers["Authorization"] = f"{scheme.capitalize()} ...".lstrip()
        claims, body = self._judge.claims_in(call), call.body or b""
        seen = SeenRequest(call.method, call.path, claims, verdict, answer.status, body, headers)
        self._seen.append(seen)
        level = logging.INFO if verdict == _ACCEPTED else logging.WARNING
        _log.log(level, "%s", _in_ascii(f"{call.method} {call.path}: {answer.status}, {verdict}"))
        return answer

    def _judged(self, call: Call, trace_id: str) -> tuple[PreparedAnswer, str]:
        """Return the answer to a request, and the verdict on it."""
        method, path = call.method, call.path.partition("?")[0]
        prepared = self._answers.get((method, call.path)) or self._answers.get((method, path))
        status = None if prepared else unrouted(call)
        if call.body is None:
            reason = f"the body is larger than {MAX_BODY_BYTES} bytes, which is the sandbox's limit"
            return PreparedAnswer(413, {"Content-Type": "text/plain"}, reason.encode()), reason
        if status:
            return PreparedAnswer(status, {}, b""), _UNROUTED[status]
        try:
            self._judge.judge(call, now=self.now())
        except Refusal as refusal:
            return answers.refused(refusal.code, call.product, trace_id), str(refusal)
        public_key = self._judge.public_keys[-1]
        pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        answer = prepared or self._resources.answer(call, application(self.application_id, pem))
        echo = answers.echo(method, call.path, self._judge.claims_in(call))
        return answer or echo, _ACCEPTED


def _loaded(
    application_id: Hidden[Any], key: Hidden[Any], passphrase: Hidden[Any]
) -> tuple[str, Key]:
    checked_id, where = given.pair(application_id, key, key_name="key")
    credentials = Credentials(checked_id, where, "", None)
    return checked_id, credentials.load_key(given.passphrase(passphrase))


#: The application that the sandboxes of a process share.
_ID = str(uuid.uuid4())


@functools.cache
def _shared_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _in_ascii(text: str) -> str:
    """Return ``text`` on one safe line: parts of it may come from a client."""
    return escaped(text).replace("\n", " ").encode("ascii", "backslashreplace").decode()
