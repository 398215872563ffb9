"""A caller's connection within bounds: how large a head may be, how long it may take to come, and how long an answer may lie unread.

uvicorn, on which this stands, has none of these: a head without an end takes all memory, and callers who say nothing, or read nothing, keep
their connections for ever. Neither takes a credential, so there must be an end that is ours.

A wish to speak something else than HTTP/1.1 is not heard (RFC 9110, 7.8). The parser would stop at such a head and take its body for the next
request, which lets one caller speak in the name of another where a proxy brings both; so the head is read again without the wish. Trailers
are no headers, and are dropped (RFC 9110, 6.5.1).

What uvicorn keeps of a request is made by ``take_usual_way``, which a subclass may do without (``caller``).

The rule that is easily broken: nothing reaches the parser but by ``_parse``, which counts. Bytes of a body are bounded by whoever reads it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from homegraph.web.exchange import LINGER_SECONDS_MAX

HEAD_BYTES_MAX: Final = 64 * 1024
"""Bytes that are no body, at a stretch: a head, lines between chunks, trailers. The query may have 16 KiB of them, a token 8 KiB."""

HEAD_SECONDS_MAX: Final = 30.0
"""For a head to come, from its first byte on, and on a new connection from the start. Clients send it in one go."""

UNREAD_SECONDS_MAX: Final = 30.0
"""Between two looks whether a caller has read anything of an answer that did not leave at once."""

INVALID: Final = "Invalid HTTP request received."
TOO_LARGE: Final = f"There are more than {HEAD_BYTES_MAX} bytes around the body."
TOO_SLOW: Final = f"The head did not come within {HEAD_SECONDS_MAX:g} s."

CLOSE: Final = ((b"connection", b"close"),)
_PLAIN: Final = ((b"content-type", b"text/plain; charset=utf-8"), *CLOSE)


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are sent. Of ours none has anything of a caller in it, so none can end early."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


class Whole(RequestResponseCycle):
    """A call that came whole, or none, as far as uvicorn looks at it. There is one per connection, complete between the calls."""

    def __init__(self) -> None:
        self.message_event = asyncio.Event()
        self.response_complete = True
        self.disconnected = False
        self.keep_alive = True


class BoundedConnection(HttpToolsProtocol):
    """One connection. The arguments are uvicorn's."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cycle = self.whole = Whole()
        self.lines: list[tuple[bytes, bytes]] = []
        """The headers of the message that the parser is at, once they are all here."""
        self.is_between = True
        """Whether the parser has read all of a message and nothing of the next."""
        self.is_refused = False
        """Whether something came that cannot be read on. Nothing that comes after it is looked at."""
        self.unseen = 0
        """Bytes that came since the last one of a body, or the end of a message."""
        self.head_until = math.inf
        """When a head must be here, in the loop's time; nobody waits for one while a call is answered."""
        self._is_in_head = self._wants_upgrade = False
        self._refusal: tuple[int, str] | None = None
        self._asked: RequestResponseCycle = self.whole
        """The request that was handed to the application last. ``cycle`` is the newest, which may have to wait for this one."""
        self._unread: asyncio.TimerHandle | None = None
        self._unread_bytes = 0

    # --- the connection --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for_head(HEAD_SECONDS_MAX)

    def data_received(self, data: bytes) -> None:
        if self.is_refused:
            return  # it is thrown away until the connection ends
        self._parse(data)
        if self._is_in_head:
            self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asked.disconnected = True
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_looking_who_reads()

    @property
    def is_free(self) -> bool:
        """Whether nobody is being answered on this connection, and answers are taken."""
        return self.cycle.response_complete and not self.flow.write_paused

    # --- what comes ------------------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        """Have the parser read what has come, and never more at once than may still be no body."""
        while data and not self.is_refused:
            allowed = HEAD_BYTES_MAX - self.unseen
            portion, data = data[:allowed], data[allowed:]
            self.unseen += len(portion)
            try:
                self.parser.feed_data(portion)
            except HttpParserUpgrade as exc:
                data = self._without_upgrade() + portion[exc.args[0] :] + data
            except HttpParserError:
                self.refuse(400, INVALID)
            else:
                if self.unseen >= HEAD_BYTES_MAX:
                    self.refuse(431, TOO_LARGE)

    def _without_upgrade(self) -> bytes:
        """The head that was just read, as it would be had it not asked for another protocol. It is read next."""
        self._wants_upgrade = False
        method = self.parser.get_method()
        if method == b"CONNECT":  # which asks for nothing else
            self.refuse(400, INVALID)
        kept = [(name, value) for name, value in self.lines if name != b"upgrade"]
        version = self.parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, lines_of(kept))

    # --- the parser's callbacks --------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.is_between, self._is_in_head = False, True
        self.head_until = min(self.head_until, self.loop.time() + HEAD_SECONDS_MAX)
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        self.head_until, self.unseen = math.inf, 0
        self.lines, self.headers = self.headers, []  # what comes there from now on are trailers
        if self.parser.should_upgrade():
            self._wants_upgrade = True  # the head is read again, see _parse
            return
        self.begin()
        self._is_in_head = False

    def on_body(self, body: bytes) -> None:
        self.unseen = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._wants_upgrade:
            self.is_between, self.unseen = True, 0
            self.end()

    def begin(self) -> None:
        """A head is here: begin its request as uvicorn does."""
        url, expects = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers += self.lines  # the list that is in uvicorn's scope
        self.expect_100_continue = expects
        super().on_headers_complete()
        self.headers = []

    def end(self) -> None:
        """A message is whole."""
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._asked = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._tell_refusal(*self._refusal)
        else:
            self._wait_for_head(HEAD_SECONDS_MAX if self._is_in_head else self.timeout_keep_alive)

    # --- refusing ---------------------------------------------------------------------------------------------------

    def refuse(self, http: int, why: str) -> None:
        """Answer what cannot be read on, once the calls before it are answered, and end the connection."""
        self.logger.warning(why)
        self.is_refused, self._refusal = True, (http, why)
        is_in_body = not (self.is_between or self._is_in_head)
        if is_in_body and self.pipeline:
            self.pipeline.popleft()  # the newest, whose body it is: it has not begun
        elif is_in_body or self.cycle.response_complete:
            self._tell_refusal(http, why)

    def _tell_refusal(self, http: int, why: str) -> None:
        self.cycle.disconnected = (
            True  # if it is under way, its body is broken: it gets no other answer
        )
        self.cycle.message_event.set()
        head = STATUS_LINE[http] + lines_of((*self.server_state.default_headers, *_PLAIN))
        self.write_now(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(why), why.encode()))
        self.transport.write_eof()
        # Closed at once, with something unread, the answer could be lost on its way.
        self.loop.call_later(LINGER_SECONDS_MAX, self._abort)

    def write_now(self, message: bytes) -> None:
        """Send something after all that was answered."""
        self.transport.write(message)

    def _abort(self) -> None:
        """End the connection at once, with what has not left."""
        self._asked.disconnected = True  # an answer that waits to be written must not try to
        self.transport.abort()

    # --- waiting ---------------------------------------------------------------------------------------------------
    # uvicorn makes a timer with each answer and cancels it with the next request. Here one goes on, and looks when it ends.

    def _wait_for_head(self, seconds: float) -> None:
        self.head_until = self.loop.time() + seconds
        if self.timeout_keep_alive_task is None or self._is_in_head:
            self._look_later()

    def _look_later(self) -> None:
        """Look who is late when somebody may be, and as often as an answer may have set another time."""
        self._unset_keepalive_if_required()
        when = min(self.head_until, self.loop.time() + self.timeout_keep_alive)
        self.timeout_keep_alive_task = self.loop.call_at(when, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.is_closing():
            self._abort()  # somebody does not read the last answer
        elif self.is_refused:
            return
        elif not self.is_free or self.head_until > self.loop.time():
            self._look_later()
        elif self._is_in_head:
            self.refuse(408, TOO_SLOW)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later_who_reads()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking_who_reads()

    def _look_later_who_reads(self) -> None:
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(UNREAD_SECONDS_MAX, self.unread_handler)

    def unread_handler(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread_bytes:
            self._look_later_who_reads()
        else:
            self._abort()

    def _stop_looking_who_reads(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
