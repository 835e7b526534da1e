"""A local HTTP server with the faults of real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Faults:
    """What the server serves, and how it fails.

    Attributes
    ----------
    cut_after : each answer of the first `cuts` breaks off after so many bytes
    ranges : whether it understands Range
    sized : whether it says how many bytes come
    status : an error to answer with instead, `errors` times (-1: always)
    """

    content: bytes
    cut_after: int = 0
    cuts: int = 0
    ranges: bool = True
    status: int = 0
    errors: int = -1
    sized: bool = True
    etag: str = '"one"'
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(faults: Faults) -> Iterator[str]:
    """Yields the address of the file."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            faults.asked.append(wanted)
            self.close_connection = True
            if faults.status and faults.errors:
                faults.errors -= 1
                self.send_error(faults.status)
                return
            start = self._start(wanted)
            if start is not None and start >= len(faults.content):
                self.send_error(416)
                return
            self.send_response(200 if start is None else 206)
            if start is not None:
                size = len(faults.content)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            body = faults.content[start or 0 :]
            if faults.sized:
                self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", faults.etag)
            self.send_header("Connection", "close")
            self.end_headers()
            if faults.cuts:
                faults.cuts -= 1
                body = body[: faults.cut_after]
            self.wfile.write(body)

        def _start(self, wanted: str) -> int | None:
            same = self.headers.get("If-Range", faults.etag) == faults.etag
            if not (wanted and faults.ranges and same):
                return None
            return int(wanted.removeprefix("bytes=").rstrip("-"))

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/file.zip"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
