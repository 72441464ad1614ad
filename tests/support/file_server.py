"""A small web server that serves one file, correctly or with the failures of real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves ``content`` at any path.

    Attributes:
        content: Bytes of the file.
        ranges: Whether range requests are supported.
        hang_ups: Number of the next responses that break off halfway.
        answer: Status code returned instead of the file; 0 for none.
        asked: ``Range`` header of each GET so far; empty without one.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.ranges = True
        self.hang_ups = 0
        self.answer = 0
        self.asked: list[str] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range", "")
        server.asked.append(wanted)
        if server.answer:
            self.send_error(server.answer)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if start and start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.hang_ups:
            server.hang_ups -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    server = FileServer(content)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
