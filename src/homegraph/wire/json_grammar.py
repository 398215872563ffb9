"""What may come next in the JSON that Google's front end accepts: a table, which ``lenient_json`` walks.

``GRAMMAR`` says, for each thing that can be expected, which tokens may come, what is done with each and which text refuses the others. How
a token is read is none of this module's business. The texts are Google's, to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

__all__ = ["AFTER_VALUE", "GRAMMAR", "Do", "Expect", "Move", "Row", "Token"]


class Expect(StrEnum):
    """Where the reader stands: what has to come next."""

    VALUE = "value"
    ENTRY = "entry"  # in an object, after { or a comma
    COLON = "colon"
    ENTRY_END = "entry end"  # after a member's value
    ELEMENT = "element"  # in an array, after [ or a comma
    ELEMENT_END = "element end"  # after an element
    END = "end"  # after the root value


class Token(StrEnum):
    """What begins at the next byte that is not white space, told by that byte; for words, by their letters.

    Words are matched as prefixes, without a look at what follows: ``trueish`` is TRUE and then ``ish``.
    """

    OPEN_OBJECT = "open object"
    CLOSE_OBJECT = "close object"
    OPEN_ARRAY = "open array"
    CLOSE_ARRAY = "close array"
    COLON = "colon"
    COMMA = "comma"
    STRING = "string"  # a quote of either kind
    NUMBER = "number"  # a digit or a minus
    TRUE = "true"
    FALSE = "false"
    NULL = "null"
    KEY = "key"  # a letter, _ or $
    UNKNOWN = "unknown"  # any other byte
    END = "end"  # no more bytes


class Do(StrEnum):
    """What is done with a token."""

    OPEN_OBJECT = "open object"
    OPEN_ARRAY = "open array"
    CLOSE = "close"
    STRING = "string"
    NUMBER = "number"
    WORD = "word"
    QUOTED_KEY = "quoted key"
    BARE_KEY = "bare key"
    SKIP = "skip"
    STOP = "stop"


AFTER_VALUE: Final = None
"""In place of a next expectation: the container around the value decides, as the reader knows."""


class Move(NamedTuple):
    """One allowed token: what is done with it, and what is expected then."""

    do: Do
    then: Expect | None


class Row(NamedTuple):
    """All that is known about one expectation.

    ``refusal`` refuses any token without a move; at the end of the input "Unexpected end of string. " stands before it.
    ``misplaced``, where Google has another text for it, refuses what is a token but may not stand here.
    """

    moves: Mapping[Token, Move]
    refusal: str
    misplaced: str = ""


_VALUE: Final[dict[Token, Move]] = {
    Token.OPEN_OBJECT: Move(Do.OPEN_OBJECT, Expect.ENTRY),
    Token.OPEN_ARRAY: Move(Do.OPEN_ARRAY, Expect.ELEMENT),
    Token.STRING: Move(Do.STRING, AFTER_VALUE),
    Token.NUMBER: Move(Do.NUMBER, AFTER_VALUE),
    Token.TRUE: Move(Do.WORD, AFTER_VALUE),
    Token.FALSE: Move(Do.WORD, AFTER_VALUE),
    Token.NULL: Move(Do.WORD, AFTER_VALUE),
}
_ENTRY: Final[dict[Token, Move]] = {
    Token.CLOSE_OBJECT: Move(Do.CLOSE, AFTER_VALUE),  # after a comma too: it was a trailing one
    Token.STRING: Move(Do.QUOTED_KEY, Expect.COLON),
    Token.KEY: Move(Do.BARE_KEY, Expect.COLON),
    Token.TRUE: Move(Do.BARE_KEY, Expect.COLON),  # the key may go on: trueish
    Token.FALSE: Move(Do.BARE_KEY, Expect.COLON),
    Token.NULL: Move(Do.BARE_KEY, Expect.COLON),
}
_ENTRY_END: Final[dict[Token, Move]] = {
    Token.COMMA: Move(Do.SKIP, Expect.ENTRY),
    Token.CLOSE_OBJECT: Move(Do.CLOSE, AFTER_VALUE),
}
_ELEMENT_END: Final[dict[Token, Move]] = {
    Token.COMMA: Move(Do.SKIP, Expect.ELEMENT),
    Token.CLOSE_ARRAY: Move(Do.CLOSE, AFTER_VALUE),
}

GRAMMAR: Final[dict[Expect, Row]] = {
    Expect.VALUE: Row(_VALUE, "Expected a value.", "Unexpected token."),
    Expect.ENTRY: Row(_ENTRY, "Expected an object key or }."),
    Expect.COLON: Row(
        {Token.COLON: Move(Do.SKIP, Expect.VALUE)}, "Expected : between key:value pair."
    ),
    Expect.ENTRY_END: Row(_ENTRY_END, "Expected , or } after key:value pair."),
    Expect.ELEMENT: Row(
        _VALUE | {Token.CLOSE_ARRAY: Move(Do.CLOSE, AFTER_VALUE)},
        "Expected a value or ] within an array.",
        "Unexpected token.",
    ),
    Expect.ELEMENT_END: Row(_ELEMENT_END, "Expected , or ] after array value."),
    Expect.END: Row(
        {Token.END: Move(Do.STOP, Expect.END)}, "Parsing terminated before end of input."
    ),
}
