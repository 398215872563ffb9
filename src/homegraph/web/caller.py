"""A caller's connection: calls of the API that come whole are answered without a detour by ASGI.

ASGI describes a request in a dictionary, hands its body over in parts and takes an answer in two messages; uvicorn makes a task, an
event and two timers for it and writes twice. That is for anything that a web server may be asked. Nearly every call of the API is
a POST to one of four paths whose short body comes with its head, and its answer is made before any of it is sent. Such a call
goes to its ``MethodDoor`` as it is. Everything else takes the usual way of uvicorn, from the same bytes, and is answered the same.

A head whose body is announced to be short is waited for a moment, because many clients send the two apart. And a caller who stays
sends the same head again and again: what the parser made of a connection's last one is remembered, with all that it says.

The class stands on ``bounded``, and that on uvicorn's own, whose version is pinned; tests by real sockets fail when that changes (docs/decisions/0039).

The rule that is easily broken: one call at a time. While one is answered, uvicorn must see a request that is not complete (``Whole``), so
that the next one waits in its pipeline; and whatever closes the connection sends first what was gathered.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from homegraph.http.gathering import Gathering
from homegraph.web.api_v1 import MethodDoor
from homegraph.web.bounded import CLOSE, BoundedConnection, lines_of
from homegraph.web.exchange import Headers
from homegraph.web.head import Head, read_head
from homegraph.wire.status import OK_HEADERS

SHORT_BODY_BYTES: Final = 16 * 1024
"""A body up to this is waited for, if it is announced; a longer one is read the usual way, credentials first."""

SHORT_BODY_SECONDS: Final = 0.05
"""How long it is waited for. A client that sends head and body apart needs less than a millisecond, or a way through the network."""

REMEMBERED_BYTES: Final = 4 * 1024
"""A longer head is parsed each time. There is one per connection, and it goes with it: credentials stand in it."""

_END: Final = b"\r\n\r\n"


class Doors:
    """What all connections of a server share: who answers which path, and how answers leave. To be made on the loop."""

    def __init__(self, posted: Mapping[bytes, MethodDoor]) -> None:
        self.posted = posted
        self.gathering = Gathering(asyncio.get_running_loop())
        self._defaults: list[tuple[bytes, bytes]] = []
        self._success = b""

    def success(self, defaults: list[tuple[bytes, bytes]]) -> bytes:
        """A head of the usual success, but for the length of its body; ``defaults`` are uvicorn's headers, new with each second."""
        if self._defaults is not defaults:
            self._defaults = defaults
            self._success = STATUS_LINE[200] + lines_of((*OK_HEADERS, *defaults))
        return self._success


class _Remembered(NamedTuple):
    """What the parser has made of ``raw``, when a body of ``length`` bytes followed it and nothing else."""

    raw: bytes
    length: int
    door: MethodDoor
    head: Head


class CallerConnection(BoundedConnection):
    """One connection. ``doors`` is the server's; the other arguments are uvicorn's."""

    def __init__(self, *arguments: Any, doors: Doors, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._doors = doors
        self._held: MethodDoor | None = None
        """Who answers the call whose head is here, and whose body is not yet; None when there is none or it takes the usual way."""
        self._path = self._query = self._body = b""
        self._begun: tuple[MethodDoor, Head, bytes] | None = None
        """The call that begins with the bytes that are just being read."""
        self._remembered: _Remembered | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._address = ""

    # --- the connection --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""

    def data_received(self, data: bytes) -> None:
        last = self._remembered
        if (
            last is not None
            and len(data) == len(last.raw) + last.length
            and data.startswith(last.raw)
            and self.is_between
            and self.is_free
        ):
            self.head_until = math.inf
            self._answer_whole(last.door, last.head, data[len(last.raw) :])
            return
        begins_here, self._begun = self.is_between, None
        super().data_received(data)
        if begins_here:
            self._remember(data)
        if self._held is not None and self._waiting is None:
            self._wait_or_let_go()

    def _remember(self, data: bytes) -> None:
        """Keep a head that came with its body and nothing else, if its length is all that says where the body ends."""
        if self._begun is None:
            return
        door, head, body = self._begun
        end = data.find(_END) + len(_END)
        if (
            self.is_between
            and end <= REMEMBERED_BYTES
            and len(data) == end + len(body)
            and head.content_length is not None
        ):
            self._remembered = _Remembered(data[:end], len(body), door, head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = None
        self._stop_waiting()
        self._see_to_its_end()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._doors.gathering.flush()
        self._see_to_its_end()
        super().shutdown()

    def refuse(self, http: int, why: str) -> None:
        self._held = self._remembered = None
        self._stop_waiting()
        super().refuse(http, why)

    def write_now(self, message: bytes) -> None:
        self._doors.gathering.flush()
        super().write_now(message)

    def _see_to_its_end(self) -> None:
        """Let the server wait for a call that is under way, whoever leaves; only then, because it is work for each call."""
        task = self._task
        if task is not None and not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    # --- the parser's callbacks --------------------------------------------------------------------------------------

    def begin(self) -> None:
        path, _, query = self.url.partition(b"?")
        door = self._doors.posted.get(path)
        if door is None or not self._is_plain(query):
            super().begin()
            return
        self._held, self._path, self._query, self._body = door, path, query, b""

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self.unseen = 0
            self._body = self._body + body if self._body else body

    def end(self) -> None:
        door, self._held = self._held, None
        if door is None:
            super().end()
            return
        self._stop_waiting()
        head = read_head(self._path, self._query, self._address, self.lines)
        self._begun = door, head, self._body
        self._answer_whole(door, head, self._body)

    def _answer_whole(self, door: MethodDoor, head: Head, body: bytes) -> None:
        self.cycle = whole = self.whole
        whole.response_complete = False
        self._task = self.loop.create_task(door.answer_whole(head, body, self._answer))

    def _is_plain(self, query: bytes) -> bool:
        """Whether nothing about a request is out of the ordinary."""
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self.expect_100_continue
            and b"#" not in query
            and self.is_free
        )

    # --- what does not come whole ------------------------------------------------------------------------------------

    def _wait_or_let_go(self) -> None:
        """Wait for a body that is announced to be short."""
        announced = dict(self.lines).get(b"content-length", b"")
        if announced.isdigit() and int(announced) <= SHORT_BODY_BYTES:
            self._waiting = self.loop.call_later(SHORT_BODY_SECONDS, self._let_go)
        else:
            self._let_go()

    def _let_go(self) -> None:
        """What is here of a call takes the usual way, and what comes follows it."""
        self._waiting = None
        if self._held is None:
            return
        self._held = None
        super().begin()
        if self._body:
            super().on_body(self._body)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    # --- the answer --------------------------------------------------------------------------------------------------

    def _answer(self, http: int, headers: Headers, body: bytes, is_last: bool) -> None:  # noqa: FBT001  # see MethodDoor
        whole, doors, defaults = self.whole, self._doors, self.server_state.default_headers
        whole.response_complete = True
        if whole.disconnected:
            return
        is_last = is_last or not whole.keep_alive
        if headers is OK_HEADERS and not is_last:
            head = doors.success(defaults)
        else:
            head = STATUS_LINE[http] + lines_of((*headers, *defaults, *(CLOSE if is_last else ())))
        doors.gathering.write(
            self.transport, b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        )
        if is_last:
            doors.gathering.flush()
            self.transport.close()
        self.on_response_complete()
