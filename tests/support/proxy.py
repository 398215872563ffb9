"""A reverse proxy in front of a server, such as a house or a company has: it is reached by another address than the server.

It calls the server by the server's own name, so that nothing but the setting ``base_url`` can tell it what callers see.
"""

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from support.server import WAIT_SECONDS

HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "host"))
"""Headers of one connection, which a proxy does not hand on."""


class Proxy:
    """Where callers come in, what is behind, and which paths were asked for."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.upstream = ""
        self.paths = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024

    def _forward(self):
        proxy = self.server.proxy
        proxy.paths.append(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        sent = {
            name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP
        }
        upstream = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc, timeout=WAIT_SECONDS)
        try:
            upstream.request(self.command, self.path, body, sent)
            answer = upstream.getresponse()
            content = answer.read()
            headers = answer.getheaders()
        finally:
            upstream.close()
        self.send_response(answer.status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _forward  # noqa: N815

    def log_message(self, *_):
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy


@contextmanager
def reverse_proxy():
    """A proxy on a free port; ``upstream`` is set when the server behind it is there."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.proxy = Proxy(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.proxy
        finally:
            server.shutdown()
            thread.join()
