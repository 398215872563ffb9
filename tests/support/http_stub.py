"""A real HTTP server on a real socket, in a thread, whose answers a test writes down beforehand.

It knows nothing of homegraph, so that what a client sends is looked at from outside: as bytes that somebody else has parsed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JOIN_SECONDS = 10.0
"""For the server's thread to end; it ends at once unless something is broken."""


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What is sent back.

    ``release`` holds the answer back until it is set; ``hang_up`` closes without one; ``endless`` repeats the body for ever.
    """

    body: bytes | object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    release: threading.Event | None = None
    hang_up: bool = False
    endless: bool = False

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


UNAUTHENTICATED = Answer({"error": {"code": 401, "message": "x", "status": "UNAUTHENTICATED"}}, 401)


class Stub:
    """Answers by (method, path); the last answer of a list is given again and again.

    ``revoked`` are Authorization headers that are refused, whatever is asked for and however often.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.revoked: set[str] = set()
        self.url = ""
        self.connections = 0

    def on(self, method: str, path: str, *answers: Answer | object) -> None:
        """Say what is answered; anything that is no Answer is sent as JSON with status 200."""
        self.answers[method, path] = [
            one if isinstance(one, Answer) else Answer(one) for one in answers
        ]

    def answer_to(self, seen: Seen) -> Answer:
        if seen.headers.get("authorization") in self.revoked:
            return UNAUTHENTICATED
        known = self.answers.get((seen.method, seen.path))
        if known is None:
            return Answer(b"nothing here", 404)
        return known.pop(0) if len(known) > 1 else known[0]


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the head to be acknowledged

        def setup(self) -> None:
            stub.connections += 1
            super().setup()

        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, parts.path, query, headers, body)
            stub.seen.append(seen)
            answer = stub.answer_to(seen)
            if answer.release is not None:
                answer.release.wait()
            self.close_connection = answer.hang_up or answer.release is not None
            if answer.hang_up or answer.release is not None:
                return
            content = answer.encoded()
            self.send_response(answer.status)
            if answer.endless:
                self.end_headers()
                self._stream(content)
                return
            for name, value in {"content-length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _stream(self, content: bytes) -> None:
            self.close_connection = True
            with suppress(OSError):  # the client has heard enough
                while True:
                    self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # who finds it full tries again after a second


@contextmanager
def stub_server() -> Iterator[Stub]:
    """Serve on a free port until the test is over."""
    stub = Stub()
    server = _Server(("127.0.0.1", 0), _handler(stub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        for answers in stub.answers.values():
            for answer in answers:
                if answer.release is not None:
                    answer.release.set()
        server.shutdown()
        server.server_close()
        thread.join(JOIN_SECONDS)


def closed_port() -> str:
    """An address at which nothing listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}"
