"""A file server on 127.0.0.1 that can break off, count, and change what it serves. Nothing here leaves the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Home:
    """files: path -> bytes. cut: how many bytes of the next answers are sent before the line breaks; ranges: what was asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cut: list[int] = []
        self.ranges: list[str] = []
        self.status: list[int] = []
        self.base = ""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Home]:
    home = Home(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(home))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    home.base = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield home
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(home: Home) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested = self.headers.get("Range", "")
            home.ranges.append(requested)
            if home.status:
                return self._plain(home.status.pop(0))
            content = home.files.get(self.path.lstrip("/"))
            if content is None:
                return self._plain(404)
            tag = f'"{hashlib.md5(content).hexdigest()}"'
            start = int(requested.removeprefix("bytes=").rstrip("-")) if requested else 0
            if self.headers.get("If-Range", tag) != tag:
                start = 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            body = content[start:]
            self.send_response(206 if start else 200)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: home.cut.pop(0)] if home.cut else body)
            self.close_connection = True
            return None

        def _plain(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Quiet."""

    return Handler
