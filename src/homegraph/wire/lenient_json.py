"""The JSON that Google's front end accepts, and the words in which it refuses the rest.

Google reads request bodies with a parser that is older and kinder than RFC 8259: bare keys, single quotes, one
trailing comma, raw line breaks in strings, unknown escapes. The documented curl line for Request Sync leans on that
(``{agentUserId: "…"}`` is not JSON), so this is no nicety. Its error texts are known to the byte, and developers search the
web for them; so ours are the same.

How to read this module: ``json_grammar.GRAMMAR`` is the parser. Here are the lexical rules (strings and numbers), and a driver that only
looks moves up. Everything that decides what is accepted between two tokens must stay in that table.

What this module does not do: it does not know messages. That the root must be an object, which fields exist and of which type
they are is asked by whoever called ``parse``. It is also the slow way in: well-formed bodies are read by msgspec, and
come here only when that refused them, so this parser must accept everything that JSON is as well.

Rules a maintainer could break by accident:

* No input recurses. Nesting lives in ``_Reader.stack``; a method that calls itself for an inner value would let a stranger
  choose the depth of our call stack.
* Every byte is looked at a bounded number of times. Patterns are single character classes, which cannot backtrack; text
  is cut out of ``data`` once per token, never the rest of the input; pieces are joined at the end.
* Positions count bytes, as Google's do, so ``data`` stays bytes and only finished pieces are decoded. A piece begins and ends
  next to an ASCII byte, so it never splits a character of input that is valid as a whole.

Two things of Google's are missing. The text ``Invalid key or variable name.``: a bare key is only read where a letter was
seen. And the second pass: Google's parser stops without an error where more input might still come, begins again there, and
then shows no context from before that place. We read a body once, so an error at its end shows up to 20 bytes more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from homegraph.errors import WireError
from homegraph.wire.json_grammar import AFTER_VALUE, GRAMMAR, Do, Expect, Row, Token

__all__ = [
    "BODY_BYTES_MAX",
    "CONTAINERS_DEEP_MAX",
    "OBJECTS_DEEP_MAX",
    "JsonSyntaxError",
    "JsonTooLarge",
    "parse",
]

BODY_BYTES_MAX: Final = 67_108_864
"""Bytes of one document (64 MiB), the most that a server can be told to take. A request of this API has a few hundred; the door refuses
those that are larger than its setting says (1 MiB) before they are here."""

OBJECTS_DEEP_MAX: Final = 100
"""Objects within each other. Google's own bound; arrays between them do not count."""

CONTAINERS_DEEP_MAX: Final = 200
"""Objects and arrays within each other. Ours: Google does not bound arrays, but whoever walks, compares or prints the
value does so recursively, and Python's limit of 1000 frames must be out of reach even at two frames per level."""

CONTEXT_BYTES: Final = 20
"""Input shown on each side of the place where an error is. Google's."""

INT64_MIN: Final = -(2**63)
UINT64_MAX: Final = 2**64 - 1
UINT64_DIGITS: Final = 20
"""A longer integer fits in neither, so it is never converted as one: int() takes quadratic time."""


class JsonSyntaxError(WireError):
    """These bytes are not JSON, not even the lenient kind.

    ``message`` is Google's text to the byte: what was expected, the context, and a caret under the place.
    """

    code = "JSON_SYNTAX"
    hint = "The caret is under the byte where reading stopped. Send application/json in UTF-8."


class JsonTooLarge(WireError):
    """The JSON document is larger than 64 MiB."""

    code = "JSON_TOO_LARGE"
    hint = "Send less at once: no call of this API needs as much."


_FIRST_BYTE: Final[dict[int, Token]] = {
    **dict.fromkeys(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$", Token.KEY),
    **dict.fromkeys(b"-0123456789", Token.NUMBER),
    **dict.fromkeys(b"\"'", Token.STRING),
    ord("{"): Token.OPEN_OBJECT,
    ord("}"): Token.CLOSE_OBJECT,
    ord("["): Token.OPEN_ARRAY,
    ord("]"): Token.CLOSE_ARRAY,
    ord(":"): Token.COLON,
    ord(","): Token.COMMA,
}

_WORDS: Final[dict[Token, tuple[bytes, bool | None]]] = {
    Token.TRUE: (b"true", True),
    Token.FALSE: (b"false", False),
    Token.NULL: (b"null", None),
}
_RESERVED: Final = frozenset(word.decode() for word, _ in _WORDS.values())

# Each finds the first byte that does not belong to what is being read.
_AFTER_SPACE: Final = re.compile(rb"[^ \t\n\r\v\f]")
_AFTER_KEY: Final = re.compile(rb"[^A-Za-z0-9_$]")
_AFTER_NUMBER: Final = re.compile(rb"[^0-9.eE+x-]")
_QUOTE_OR_ESCAPE: Final = {b'"': re.compile(rb'["\\]'), b"'": re.compile(rb"['\\]")}

_FLOATING: Final = re.compile(rb"[.eE]")
_ESCAPES: Final[dict[int, str]] = dict(zip(b"bfnrtv", "\b\f\n\r\t\v", strict=True))
_UNICODE: Final = re.compile(rb"\\u([0-9A-Fa-f]{4})")
_UNICODE_BYTES: Final = len(r"\uhhhh")
_HIGH_SURROGATES: Final = range(0xD800, 0xDC00)
_LOW_SURROGATES: Final = range(0xDC00, 0xE000)


def parse(data: bytes) -> object:
    """Read one JSON document, as leniently as Google does.

    Returns dict, list, str, int, float, bool or None. Of a key that comes twice the last value counts. Integers
    from -2**63 to 2**64 - 1 are ints, others become floats; -0 is the int 0.

    Bytes that are not UTF-8 are refused before anything else is looked at, at the first bad byte and with nothing of what
    came before it: Google shows the rest of the input, from there, with the caret in front.

    Raises:
        JsonSyntaxError: the bytes are not a document; the message is Google's.
        JsonTooLarge: there are more than ``BODY_BYTES_MAX`` of them.
    """
    if len(data) > BODY_BYTES_MAX:
        raise JsonTooLarge
    try:
        data.decode()
    except UnicodeDecodeError as error:
        rest = data[error.start : error.start + CONTEXT_BYTES]
        raise _syntax_error("Encountered non UTF-8 code points.", rest, 0) from error
    return _Reader(data).read()


def _syntax_error(message: str, data: bytes, at: int) -> JsonSyntaxError:
    """Render ``message`` about the byte ``at`` of ``data`` as Google does."""
    begin = max(0, at - CONTEXT_BYTES)
    # The window may cut a character in two; the caret line counts its bytes all the same.
    context = data[begin : at + CONTEXT_BYTES].decode(errors="replace")
    caret = " " * (at - begin) + "^"
    return JsonSyntaxError(f"Invalid JSON payload received. {message}\n{context}\n{caret}")


class _Reader:
    """One walk over one document. The methods named after a ``Do`` move ``at`` behind what they read."""

    __slots__ = ("at", "data", "key", "objects_deep", "root", "stack")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.root: object = None
        self.stack: list[dict[str, object] | list[object]] = []  # open containers, innermost last
        self.objects_deep = 0  # how many of them are objects
        self.key = ""  # of the member whose value comes next

    # the driver

    def read(self) -> object:
        """Walk the table from the root value to the end of the input."""
        expect = Expect.VALUE
        while True:
            token = self.next_token()
            row = GRAMMAR[expect]
            move = row.moves.get(token)
            if move is None:
                raise self.refusal(row, token)
            if move.do is Do.STOP:
                return self.root
            _ACTIONS[move.do](self, token)
            expect = self.after_value() if move.then is AFTER_VALUE else move.then

    def next_token(self) -> Token:
        """Skip white space and tell what stands there, without reading it."""
        self.at = self.end_of(_AFTER_SPACE, self.at)
        if self.at == len(self.data):
            return Token.END
        token = _FIRST_BYTE.get(self.data[self.at], Token.UNKNOWN)
        if token is Token.KEY:
            for word, (letters, _) in _WORDS.items():
                if self.data.startswith(letters, self.at):
                    return word
        return token

    def after_value(self) -> Expect:
        if not self.stack:
            return Expect.END
        return Expect.ENTRY_END if isinstance(self.stack[-1], dict) else Expect.ELEMENT_END

    def end_of(self, pattern: re.Pattern[bytes], at: int) -> int:
        """Return where ``pattern`` is found from ``at`` on; the end of the input if nowhere."""
        found = pattern.search(self.data, at)
        return found.start() if found else len(self.data)

    def refusal(self, row: Row, token: Token) -> JsonSyntaxError:
        if token is Token.END:
            return self.error(f"Unexpected end of string. {row.refusal}")
        return self.error(row.refusal if token is Token.UNKNOWN else row.misplaced or row.refusal)

    def error(self, message: str) -> JsonSyntaxError:
        return _syntax_error(message, self.data, self.at)

    # containers

    def place(self, value: object) -> None:
        """Put a finished value, or a container just opened, where it belongs."""
        if not self.stack:
            self.root = value
        elif isinstance(top := self.stack[-1], dict):
            top[self.key] = value
        else:
            top.append(value)

    def open_object(self, token: Token) -> None:
        self.objects_deep += 1
        if self.objects_deep > OBJECTS_DEEP_MAX:
            raise self.too_deep("recursion")
        self.open({}, token)

    def open_array(self, token: Token) -> None:
        self.open([], token)

    def open(self, container: dict[str, object] | list[object], token: Token) -> None:
        if len(self.stack) == CONTAINERS_DEEP_MAX:
            raise self.too_deep("nesting")  # our own bound, so not Google's word
        self.place(container)
        self.stack.append(container)
        self.skip(token)

    def too_deep(self, bound: str) -> JsonSyntaxError:
        """Refuse a container, in the one form that shows no context. An element of an array has no key."""
        key = self.key if self.stack and isinstance(self.stack[-1], dict) else ""
        return JsonSyntaxError(
            "Invalid JSON payload received. "
            f"Message too deep. Max {bound} depth reached for key '{key}'"
        )

    def close(self, token: Token) -> None:
        self.stack.pop()
        self.objects_deep -= token is Token.CLOSE_OBJECT
        self.skip(token)

    def skip(self, _token: Token) -> None:
        self.at += 1

    # keys and words

    def quoted_key(self, _token: Token) -> None:
        self.key = self.quoted()

    def bare_key(self, _token: Token) -> None:
        begin, self.at = self.at, self.end_of(_AFTER_KEY, self.at)
        self.key = self.data[begin : self.at].decode()
        if self.key in _RESERVED:
            raise self.error(GRAMMAR[Expect.ENTRY].refusal)

    def word(self, token: Token) -> None:
        letters, value = _WORDS[token]
        self.at += len(letters)
        self.place(value)

    # strings

    def string(self, _token: Token) -> None:
        self.place(self.quoted())

    def quoted(self) -> str:
        """Read a string from its opening quote on. Any byte may stand in it, line breaks too."""
        quote = self.data[self.at : self.at + 1]
        pieces: list[str] = []
        begin = look = self.at + 1  # the piece not yet taken, and where its end is looked for
        while True:
            self.at = self.end_of(_QUOTE_OR_ESCAPE[quote], look)
            pieces.append(self.data[begin : self.at].decode())
            if self.data.startswith(quote, self.at):
                self.at += 1
                return "".join(pieces)
            if len(self.data) - self.at < len(r"\n"):
                raise self.error("Closing quote expected in string.")
            escaped = self.data[self.at + 1]
            if escaped == ord("u"):
                pieces.append(self.unicode_escape())
                begin = look = self.at
            elif escaped in _ESCAPES:
                pieces.append(_ESCAPES[escaped])
                begin = look = self.at + 2
            else:
                # It stands for itself: the first of the next piece, but not its end, should it be a quote or a backslash.
                begin, look = self.at + 1, self.at + 2

    def unicode_escape(self) -> str:
        r"""Read ``\uhhhh``, or two of them for a character outside the basic plane. Errors point at the first."""
        if len(self.data) - self.at < _UNICODE_BYTES:
            raise self.error("Illegal hex string.")
        code = self.code_unit(self.at)
        if code in _LOW_SURROGATES:
            raise self.error("Invalid unicode code point.")
        if code in _HIGH_SURROGATES:
            second = self.at + _UNICODE_BYTES
            # The order of these questions is Google's: too little input, no escape, not hexadecimal, not a low one.
            if len(self.data) - second < _UNICODE_BYTES or not self.data.startswith(rb"\u", second):
                raise self.error("Missing low surrogate.")
            low = self.code_unit(second)
            if low not in _LOW_SURROGATES:
                raise self.error("Invalid low surrogate.")
            code = 0x10000 + ((code & 0x3FF) << 10 | low & 0x3FF)
            self.at = second
        self.at += _UNICODE_BYTES
        return chr(code)

    def code_unit(self, at: int) -> int:
        found = _UNICODE.match(self.data, at)
        if found is None:
            raise self.error("Invalid escape sequence.")
        return int(found[1], 16)

    # numbers

    def number(self, _token: Token) -> None:
        end = self.end_of(_AFTER_NUMBER, self.at)
        run = self.data[self.at : end]
        self.place(self.double(run) if _FLOATING.search(run) else self.integer(run))
        self.at = end

    def integer(self, run: bytes) -> int | float:
        digits = run.removeprefix(b"-")
        if digits[:1] == b"0" and len(digits) > 1:
            raise self.error("Octal/hex numbers are not valid JSON values.")
        if digits.isdigit() and len(digits) <= UINT64_DIGITS:
            value = int(run)
            if INT64_MIN <= value <= UINT64_MAX:
                return value
        return self.double(run)

    def double(self, run: bytes) -> float:
        """``1.``, ``-.5`` and ``01.5`` are numbers here, as they are to C; ``0x1e5`` is not, since it is hexadecimal."""
        try:
            value = float(run)
        except ValueError as error:
            raise self.error("Unable to parse number.") from error
        if math.isinf(value):
            raise self.error("Number exceeds the range of double.")
        return value


_ACTIONS: Final[dict[Do, Callable[[_Reader, Token], None]]] = {
    Do.OPEN_OBJECT: _Reader.open_object,
    Do.OPEN_ARRAY: _Reader.open_array,
    Do.CLOSE: _Reader.close,
    Do.STRING: _Reader.string,
    Do.NUMBER: _Reader.number,
    Do.WORD: _Reader.word,
    Do.QUOTED_KEY: _Reader.quoted_key,
    Do.BARE_KEY: _Reader.bare_key,
    Do.SKIP: _Reader.skip,
}
