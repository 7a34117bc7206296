"""A loopback server of HTTP/2 that accepts the tokens of one key, for clients that multiplex."""

import asyncio
import socket
import threading
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypercorn.asyncio import serve
from hypercorn.config import Config


class H2Server:
    """Answers 200 to a token that is valid at its time, and 401 to any other.

    ``seen`` has the claims of each token, or None where there was none.
    """

    def __init__(self, ca: trustme.CA, folder: Path, key: RSAPublicKey, clock_offset: int) -> None:
        self._key, self._offset = key, clock_offset
        self.seen: list[dict[str, Any] | None] = []
        self.redirects: dict[str, str] = {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"https://localhost:{port}"
        certificate = folder / f"{port}.pem"
        ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        self._config = Config()
        self._config.bind = [f"127.0.0.1:{port}"]
        self._config.certfile = self._config.keyfile = str(certificate)
        self._config.include_date_header, self._config.loglevel = False, "CRITICAL"
        self._is_up, self._loop = threading.Event(), asyncio.new_event_loop()
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "H2Server":
        self._thread.start()
        assert self._is_up.wait(20)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        await serve(self._app, self._config, shutdown_trigger=self._stop.wait)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
                self._loop.call_later(0.1, self._is_up.set)
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert scope["http_version"] == "2"
        while (await receive()).get("more_body"):
            pass
        now = int(time.time()) + self._offset
        status, headers = self._judge(dict(scope["headers"]), now), []
        if status == 200 and scope["path"] in self.redirects:
            status = 302
            headers = [(b"location", self.redirects[scope["path"]].encode())]
        headers.append((b"date", formatdate(now, usegmt=True).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"it is %d" % status})

    def _judge(self, headers: dict[bytes, bytes], now: int) -> int:
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        claims = None
        if token:
            ours = {"verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self._key, ["RS256"], options=ours)
        self.seen.append(claims)
        return 200 if claims and claims["iat"] <= now < claims["exp"] else 401
