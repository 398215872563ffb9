"""Bytes of a stranger -> one HTTP reply, or an error of ours. No I/O and no time.

The parser is httptools, and what it has said of a head is not asked again (``reply``); the bounds are here. ``ReplyReader.feed`` takes
bytes as they come, in whatever portions, and returns the reply once it is whole. A reader reads one reply after the other on the same
connection; ``keeps_alive`` says whether there may be another one.

The rule that is easily broken: the parser keeps an unfinished header or chunk line in memory, so it must never be fed more
than what is still allowed. Bytes that are no body are counted before they are fed; only body bytes set the count back.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from homegraph.errors import HomegraphError, ReplyGarbled, ReplyTooLarge
from homegraph.http.coding import CODINGS, CodedTooLarge, NotDecodable, decoded
from homegraph.http.reply import Heads, HttpReply

KIB: Final = 1024

UNSEEN_MAX_BYTES: Final = 64 * KIB
"""Bytes that are no body, at a stretch: the head with everything before it, lines between chunks, trailers."""

HEADERS_MAX: Final = 128
"""Header lines of one answer, trailers included."""

INTERIM_MAX: Final = 8
"""Answers 1xx before the real one; one is usual, and rare."""

_INTERIM: Final = range(100, 200)
_BODILESS: Final = frozenset({204, 304})


class ReplyReader:
    """Reads the replies of one connection."""

    __slots__ = (
        "_chunks",
        "_coding",
        "_error",
        "_headers",
        "_heads",
        "_interim",
        "_is_done",
        "_is_framed",
        "_is_parsing",
        "_lines",
        "_most",
        "_parser",
        "_reply",
        "_size",
        "_status",
        "_unseen",
        "keeps_alive",
    )

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self.begin(0)

    def begin(self, most: int) -> None:
        """Expect a reply with a body of at most ``most`` bytes, before and after decompression."""
        self._most = most
        self._is_parsing = False
        self._reply: HttpReply | None = None
        self.keeps_alive = False
        """Whether the connection can carry another exchange, once the reply is whole."""

    def feed(self, data: bytes) -> HttpReply | None:
        """Take what has come; the reply, when it is whole.

        Raises:
            ReplyTooLarge: more than is allowed.
            ReplyGarbled: it is not HTTP.
        """
        if self._is_parsing:
            return self._read(data)
        if self._reply is not None:
            self.keeps_alive = False  # something behind a whole reply; nobody has asked for it
            return self._reply
        self._reply = self._heads.reply(data, self._most)
        if self._reply is not None:
            self.keeps_alive = True
            return self._reply
        self._start()
        reply = self._read(data)
        if reply is not None and self.keeps_alive and not self._coding:
            self._heads.learn(data, reply)
        return reply

    def end(self) -> HttpReply | None:
        """The other side has closed; the reply, when that is what ends it. None: it is cut off."""
        if self._is_parsing and self._status and not self._is_framed and not self._is_done:
            self._finish(keeps_alive=False)
        return self._reply

    def _start(self) -> None:
        self._is_parsing = True
        self._parser = HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._chunks: list[bytes] = []
        self._coding = ""
        self._error: HomegraphError | None = None
        self._interim = self._lines = self._size = self._status = self._unseen = 0
        self._is_framed = self._is_done = False

    def _read(self, data: bytes) -> HttpReply | None:
        view = memoryview(data)
        while view:
            allowed = UNSEEN_MAX_BYTES - self._unseen
            if allowed <= 0:
                raise ReplyTooLarge(
                    f"The reply has more than {UNSEEN_MAX_BYTES} bytes around its body (head, chunk lines, trailers)."
                )
            portion, view = view[:allowed], view[allowed:]
            self._unseen += len(portion)
            self._parse(portion)
            if self._is_done:
                break
        if self._is_done and view:
            self.keeps_alive = False  # somebody answers what was not asked
        return self._reply

    def _parse(self, portion: memoryview) -> None:
        try:
            self._parser.feed_data(portion)
        except HttpParserUpgrade as exc:
            raise ReplyGarbled("The reply switches to another protocol.") from exc
        except HttpParserError as exc:
            if self._error is not None:
                raise self._error from None
            if self._is_done:  # something behind a whole reply; nobody has asked for it
                self.keeps_alive = False
                return
            raise ReplyGarbled(f"The reply is not HTTP: {exc}.") from exc

    # --- what the parser has found: an exception from here ends the parsing, and is told by ``_parse`` ----------------

    def on_message_begin(self) -> None:
        """The first byte of an answer. Behind a whole one the parser is stopped; what was read stands."""
        if self._is_done:
            raise ReplyGarbled("The reply is followed by something else.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head, or a trailer."""
        self._lines += 1
        if self._lines > HEADERS_MAX:
            raise self._stop(ReplyTooLarge(f"The reply has more than {HEADERS_MAX} headers."))
        if self._status:
            return  # a trailer; nobody needs one, and it must not pass for a header
        # A head is ASCII or, where it is not, whatever: Latin-1 reads everything.
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        status = self._parser.get_status_code()
        if status in _INTERIM:
            return
        self._status = status
        given: dict[str, str] = {}
        for name, value in self._headers:
            given[name] = f"{given[name]}, {value}" if name in given else value
        coding = given.get("transfer-encoding")
        if coding is not None and (coding.lower() != "chunked" or "content-length" in given):
            raise self._stop(ReplyGarbled("The reply does not say unmistakably where it ends."))
        length = given.get("content-length")
        if length is not None and int(length) > self._most:
            raise self._stop(
                ReplyTooLarge(f"The reply announces {length} bytes; {self._most} are allowed.")
            )
        self._is_framed = coding is not None or length is not None or status in _BODILESS
        compressed = given.get("content-encoding", "").strip().lower()
        if compressed not in ("", "identity"):
            if compressed not in CODINGS:
                raise self._stop(
                    ReplyGarbled("The reply is compressed in a way that was not offered.")
                )
            self._coding = CODINGS[compressed]

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""
        self._unseen = 0
        self._size += len(chunk)
        if self._size > self._most:
            raise self._stop(ReplyTooLarge(f"The reply has more than {self._most} bytes."))
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """An answer is whole; an interim one only makes room for the next."""
        if not self._status:
            self._interim += 1
            if self._interim > INTERIM_MAX:
                raise self._stop(
                    ReplyGarbled(f"There are more than {INTERIM_MAX} interim answers (1xx).")
                )
            self._headers.clear()
            self._lines = 0
            return
        try:
            self._finish(keeps_alive=self._is_framed and self._parser.should_keep_alive())
        except HomegraphError as exc:
            raise self._stop(exc) from exc

    def _finish(self, *, keeps_alive: bool) -> None:
        self._is_done = True
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self._coding and body:
            body = self._decoded(body)
        headers = MappingProxyType(dict(self._headers))
        self._reply = HttpReply(self._status, headers, body)
        self.keeps_alive = keeps_alive

    def _decoded(self, body: bytes) -> bytes:
        """The body without its gzip or deflate. Raises ReplyTooLarge, ReplyGarbled."""
        try:
            return decoded(self._coding, body, self._most)
        except CodedTooLarge as exc:
            raise ReplyTooLarge(
                f"The reply has more than {self._most} bytes when decompressed."
            ) from exc
        except NotDecodable as exc:
            raise ReplyGarbled(f"The reply {exc}.") from exc

    def _stop(self, error: HomegraphError) -> HomegraphError:
        """Keep what is to be raised: the parser puts an exception of its own in the place of any other."""
        self._error = error
        return error
