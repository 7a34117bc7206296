"""Bytes in, bytes out: the sandbox's HTTP server, on 127.0.0.1 only."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from requests.structures import CaseInsensitiveDict

from .answers import PreparedAnswer

#: What one request may hold in all, path and body: a thousand of them are kept.
MAX_REQUEST_BYTES = 1 << 20


class Server(ThreadingHTTPServer):
    """Answers each connection in a thread of its own, and ends the open ones when it closes."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        answer: Callable[[str, str, list[str], bytes], PreparedAnswer],
        now: Callable[[], float],
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        self.answer = answer
        self.now = now
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)
        if ssl_context:
            # The connection's own thread does the handshake, so a slow client blocks no other.
            self.socket: socket.socket = ssl_context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, which the client may keep open."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection, which is over."""
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


class Handler(BaseHTTPRequestHandler):
    """Reads a request of whatever method, and writes what the sandbox answers."""

    protocol_version = "HTTP/1.1"
    server_version = "nexmo-sandbox"
    sys_version = ""
    timeout: ClassVar[float | None] = 60
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True
    server: Server

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
        """Return the body; raise ``ValueError`` where it has no length, or is too large."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            body += self._read(size, already=len(body))
            self.rfile.readline(1024)
        while self.rfile.readline(65536).strip():  # trailers
            pass
        return body

    def _read(self, size: int, *, already: int = 0) -> bytes:
        if not 0 <= size <= MAX_REQUEST_BYTES - already - len(self.raw_requestline):
            raise ValueError(f"A request holds at most {MAX_REQUEST_BYTES} bytes here")
        return self.rfile.read(size)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the sandbox has a log of its own."""
