"""The sandbox's HTTP server."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, ClassVar

from requests.structures import CaseInsensitiveDict

from .answers import PreparedAnswer
from .judge import Call

#: The limit of a body: the sandbox keeps a thousand requests.
MAX_BODY_BYTES = 1 << 20

# Of a larger one, so much is read and dropped: a client reads the answer once it has sent all.
_MAX_DROPPED_BYTES = 1 << 26


class Server(ThreadingMixIn, TCPServer):  # an HTTPServer would ask a name server for its name
    """A server with a thread for each connection, which it ends when it is closed."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    timeout: float | None = 0.5  # of a look whether to end, should the last connection fail

    def __init__(
        self,
        port: int,
        answer: Callable[[Call], PreparedAnswer],
        now: Callable[[], float],
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        self.answer = answer
        self.now = now
        self._open: set[socket.socket] = set()
        self._is_ending = False
        super().__init__(("127.0.0.1", port), Handler)
        self.port: int = self.server_address[1]
        scheme, host = ("https", "localhost") if ssl_context else ("http", "127.0.0.1")
        #: Its URL, without a trailing slash.
        self.url: str = f"{scheme}://{host}:{self.port}"
        if ssl_context:
            # The handshake is left to the connection's thread: a slow client blocks no other.
            self.socket: socket.socket = ssl_context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def serve(self) -> None:
        """Answer requests until ``stop``."""
        while not self._is_ending:
            self.handle_request()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether to answer: the last connection is only there to end ``serve``."""
        return not self._is_ending

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to end it with the server."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self, serving: threading.Thread | None) -> None:
        """End the thread that runs ``serve``, and the open connections; stop listening."""
        self._is_ending = True
        if serving:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                pass
            serving.join()  # before another thread may get the number of this socket
        self.server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect in the middle of a request."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Passes a request of any method to the sandbox, and sends the answer."""

    protocol_version = "HTTP/1.1"
    server_version = "nexmo-sandbox"
    sys_version = ""
    timeout: ClassVar[float | None] = 60
    disable_nagle_algorithm = True
    server: Server

    def __getattr__(self, name: str) -> Any:
        # http.server looks for do_GET, do_POST and so on.
        if name.startswith("do_"):
            return self._do
        raise AttributeError(name)

    def _do(self) -> None:
        try:
            body = self._read_body()
        except ValueError as error:
            self.close_connection: bool = True
            return self.send_error(400, str(error))
        answer = self.server.answer(Call(self.command, self.path, self.headers, body))
        has_body = answer.status not in (204, 304)
        headers = CaseInsensitiveDict[str | None](Date=self.date_time_string(self.server.now()))
        if has_body:
            headers["Content-Length"] = str(len(answer.body))
        headers.update(answer.headers)
        if has_body and headers["Content-Length"] is None and "Transfer-Encoding" not in headers:
            headers["Connection"] = "close"  # which marks the end of the body
        self.send_response_only(answer.status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(answer.body)
        return None

    def _read_body(self) -> bytes | None:
        """Return the body, or None if it is too large; raise ``ValueError`` if it is malformed."""
        kept, size = bytearray(), 0
        try:
            for piece in self._pieces():
                size += len(piece)
                if size <= MAX_BODY_BYTES:
                    kept += piece
                elif size > _MAX_DROPPED_BYTES:
                    raise OverflowError
        except OverflowError:
            self.close_connection = True
            return None
        return bytes(kept) if size <= MAX_BODY_BYTES else None

    def _pieces(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._read(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            yield from self._read(size)
            self.rfile.readline(1024)
        while self.rfile.readline(65536).strip():  # trailers
            pass

    def _read(self, size: int) -> Iterator[bytes]:
        if size < 0:
            raise ValueError("A length is negative")
        if size > _MAX_DROPPED_BYTES:
            raise OverflowError
        while size:
            piece = self.rfile.read(min(size, 1 << 16))
            if not piece:
                raise ValueError("The body ends early")
            size -= len(piece)
            yield piece

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the sandbox has its own log."""
