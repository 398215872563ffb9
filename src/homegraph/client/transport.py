"""The seam between a call and the network: one method, ``send``.

Clients know no HTTP library. They hand a ``Request`` to a transport and get a ``Response`` back; tests, recorders and
applications with an HTTP stack of their own bring another object with the same method. Behind ``BlockingTransport`` is
pyreqwest; only this module and ``awaiting``, which has the transport for asyncio, know. What both need is here: how the
library is told, and what went wrong in words.

A transport tells nothing but "this is the answer" or ``ServerUnreachable``: it knows no status codes, follows no redirects,
repeats nothing, reads a bounded number of bytes and is over at the request's deadline.

The rule that is easily broken: pyreqwest's errors quote the whole address, which may have a key in its query. Their
text is therefore never passed on, not even as ``__cause__`` or ``__context__``, which tracebacks print: only
the innermost cause is quoted, which speaks of sockets.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from pyreqwest.client import ClientBuilder, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.request import BaseRequestBuilder

from homegraph import __version__
from homegraph.client.calls import Request, Response
from homegraph.errors import ServerUnreachable

__all__ = [
    "ANSWER_MAX_BYTES",
    "CERTIFICATE",
    "USER_AGENT",
    "BlockingTransport",
    "Opened",
    "SyncTransport",
    "Transport",
    "bounded",
    "broken",
    "configured",
    "filled",
    "late",
    "response_of",
    "too_large",
    "unreachable",
    "unsendable",
]

ANSWER_MAX_BYTES: Final = 16 * 1024 * 1024
"""Bytes of an answer, decompressed. The largest is a run with all its exchanges; an error is under 10 KB."""

IDLE_SECONDS: Final = 4.0
"""As in ``http.pool``, which a command need not load: common servers close after 5 s, and a call that meets that is lost, for it is
not known whether it was done."""

USER_AGENT: Final = f"homegraph/{__version__}"

CERTIFICATE: Final = "certificate"
"""What both transports say of one that is not believed."""

_TLS_IN_WORDS: Final = (
    ("CaUsedAsEndEntity", "its certificate is signed by itself, and nobody vouches for it"),
    ("UnknownIssuer", "its certificate is of an authority that is not known here"),
    ("NotValidForName", "its certificate is for another name"),
    ("Expired", "its certificate has expired"),
    (
        "InvalidContentType",
        "what answers there does not speak TLS, so its address begins with http",
    ),
)
"""What the TLS library of the blocking transport calls the mistakes that are made most."""

_Http = TypeVar("_Http")
_Builder = TypeVar("_Builder", ClientBuilder, SyncClientBuilder)
_Call = TypeVar("_Call", bound=BaseRequestBuilder)


class Transport(Protocol):
    """Sends a request, and returns the answer, whatever its status."""

    async def send(self, request: Request) -> Response:
        """Raises ServerUnreachable when no answer came within ``request.timeout``."""


class SyncTransport(Protocol):
    """The same for callers that block."""

    def send(self, request: Request) -> Response:
        """Raises ServerUnreachable when no answer came within ``request.timeout``."""


class Opened(Generic[_Http]):
    """The library's client, made by the first call: it has threads, and those do not go through a fork.

    So a program may make its client first and fork afterwards, as servers do that load an application before they start
    their workers. Who has called before the fork is told, in place of waiting for threads that are not there.
    """

    def __init__(self, build: Callable[[], _Http]) -> None:
        self._build = build
        self._http: _Http | None = None
        self._process = 0

    def here(self) -> _Http:
        """The client of this process. Raises ServerUnreachable in one that can have none."""
        if self._http is None:
            try:
                http = self._build()
            except RuntimeError:
                raise _forked() from None
            self._process = os.getpid()  # first: another thread that sees a client asks whose it is
            self._http = http
            return http
        if self._process != os.getpid():
            raise _forked()
        return self._http

    def if_here(self) -> _Http | None:
        """The client that this process has made, to be closed."""
        return self._http if self._process == os.getpid() else None


class BlockingTransport:
    """Real HTTP, blocking. Connections are kept and used again; many threads may share one. Close it in the end."""

    def __init__(self, *, proxies: bool = True, answer_max_bytes: int = ANSWER_MAX_BYTES) -> None:
        """``proxies``: whether HTTP_PROXY and the like are honoured."""
        self._answer_max_bytes = answer_max_bytes
        self._http = Opened(lambda: configured(SyncClientBuilder(), proxies=proxies).build())
        self._is_closed = False

    def send(self, request: Request) -> Response:
        if self._is_closed:  # the library would send it all the same, and then have no answer
            raise _closed()
        if threading.current_thread() is threading.main_thread():
            return _interruptible(lambda: self._send(request))
        return self._send(request)

    def _send(self, request: Request) -> Response:
        http = self._http.here()
        try:
            call = filled(http.request(request.method, request.url), request)
            with call.build_streamed() as answer:
                body = bytearray()
                while chunk := answer.body_reader.read_chunk():
                    body += memoryview(chunk)
                    if len(body) > self._answer_max_bytes:
                        break
                response = response_of(answer.status, answer.headers.items(), body)
        except (PyreqwestError, ValueError) as exc:
            problem = _closed() if self._is_closed else unreachable(request, exc)
        else:
            return bounded(request, response, self._answer_max_bytes)
        raise problem  # outside of the handler, so that the error has no __context__

    def close(self) -> None:
        """Close all connections; nothing can be sent any more."""
        self._is_closed = True
        if (http := self._http.if_here()) is not None:
            http.close()


def _interruptible(send: Callable[[], Response]) -> Response:
    """Wait in Python while a thread waits in the library, so that Ctrl-C ends the wait at once.

    Signals reach the main thread only, and only while it is not inside foreign code: there it would sit until the
    deadline. The thread is a daemon, so that a process that was interrupted need not wait for it either.
    """
    outcome: queue.SimpleQueue[Response | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put(send())
        except Exception as exc:  # noqa: BLE001  # it is raised where the call was made
            outcome.put(exc)

    threading.Thread(target=work, name="homegraph-call", daemon=True).start()
    got = outcome.get()
    if isinstance(got, Response):
        return got
    raise got


def configured(builder: _Builder, *, proxies: bool) -> _Builder:
    """A client of the library as both transports want it."""
    builder = builder.follow_redirects(False).user_agent(USER_AGENT)
    builder = builder.pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
    return builder if proxies else builder.no_proxy()


def filled(call: _Call, request: Request) -> _Call:
    """The library's call with what the request has beside its address."""
    for name, value in request.headers:
        call = call.header(name, value, is_sensitive=True)
    if request.body:
        call = call.body_bytes(request.body)
    return call.timeout(timedelta(seconds=request.timeout))


def response_of(status: int, headers: Iterable[tuple[str, str]], body: bytearray) -> Response:
    """What came, as the clients know it."""
    return Response(status, {name.lower(): value for name, value in headers}, bytes(body))


def bounded(request: Request, response: Response, max_bytes: int = ANSWER_MAX_BYTES) -> Response:
    """The answer. Raises ServerUnreachable when it is too large."""
    if len(response.body) <= max_bytes:
        return response
    raise too_large(request, max_bytes)


def _origin(url: str) -> str:
    """Scheme, host and port of an address: enough to find the mistake, and nothing secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the given address"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def unreachable(request: Request, exc: PyreqwestError | ValueError) -> ServerUnreachable:
    """What the library met."""
    if isinstance(exc, RequestTimeoutError):
        # pyreqwest calls it "connection timeout" when it was connected long since and waited for the answer.
        return late(request)
    if not isinstance(exc, PyreqwestError):
        # A ValueError of its own: the address or a header cannot be sent.
        return unsendable(request)
    details = getattr(exc, "details", None)
    causes = details.get("causes") if isinstance(details, dict) else None
    innermost = str(causes[-1].get("message", "")) if causes else ""
    return broken(request, innermost if "://" not in innermost else "")


def too_large(request: Request, max_bytes: int = ANSWER_MAX_BYTES) -> ServerUnreachable:
    """More came than anybody wants to hold."""
    return ServerUnreachable(
        f"{_origin(request.url)} answered with more than {max_bytes // 1024 // 1024} MiB.",
        hint="Check the base URL: something other than a Home Graph answers there.",
    )


def _forked() -> ServerUnreachable:
    return ServerUnreachable(
        "Nothing can be sent from here: this process was forked from one that had sent something.",
        hint="Make the first call after the fork, start processes by spawn, or use AsyncClient.",
    )


def _closed() -> ServerUnreachable:
    return ServerUnreachable(
        "The client is closed.",
        hint="close() was called, or its with block is over. Make another one, or close it later.",
    )


def late(request: Request) -> ServerUnreachable:
    """The deadline has passed."""
    return ServerUnreachable(
        f"{_origin(request.url)} did not answer within {request.timeout:g} s.",
        hint="The server may have done what was asked nevertheless; look before you repeat the call.",
    )


def unsendable(request: Request) -> ServerUnreachable:
    """It is no request that HTTP knows."""
    return ServerUnreachable(
        f"The request to {_origin(request.url)} cannot be sent: its address is not valid."
    )


def broken(request: Request, said: str) -> ServerUnreachable:
    """There is no connection; ``said`` is the innermost cause."""
    reason = next((words for name, words in _TLS_IN_WORDS if name in said), said)
    hint = (
        "Is the server running, and is this its address? `homegraph doctor` looks for the reason."
    )
    if CERTIFICATE in reason:
        hint = "Use the name that the certificate is for; of an authority of your own, let SSL_CERT_FILE name the certificate."
    return ServerUnreachable(
        f"{_origin(request.url)} cannot be reached: {reason or 'the connection failed'}.", hint=hint
    )
