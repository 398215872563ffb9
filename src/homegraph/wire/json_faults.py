"""Why a text is no JSON, or not the JSON that was expected, in words for whoever wrote it, and where.

A parser says which byte it did not like. People have sent a page, another encoding, half an answer or Python's ``None``, and look for a line.

Owns the words only: whether a text is JSON is the parser's word, and the place of a value in a text that is JSON is ``json_places``'.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

__all__ = ["TOO_DEEP", "Fault", "fault_of", "misfit_told"]

_AT_BYTE: Final = re.compile(r"JSON is malformed: (.+) \(byte (\d+)\)")
_NO_NUMBER: Final = re.compile(rb"NaN|Infinity")
_WORD: Final = re.compile(rb"[A-Za-z]+")
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_BLANKS: Final = (b"\n", b"\r", b"\t")
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_MISFIT: Final = re.compile(r"Expected `(.+)`, got `(.+?)`(?: - at `\$\.?(.*)`)?")
_LACK: Final = re.compile(r"Object missing required field `(.+?)`(?: - at `\$\.?(.*)`)?")
_KINDS: Final = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
"""The parser's names of types; "null" is a word of JSON."""

_GZIP: Final = b"\x1f\x8b"
_TRUNCATED: Final = "Input data was truncated"
_NO_CHARACTER: Final = "invalid character"
_PLAINER: Final = {"object keys must be strings": "a name stands in double quotes"}


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, as a clause without a full stop. ``line`` and ``column`` count from 1, in characters.

    ``is_text`` is False when it is not even UTF-8.
    """

    what: str
    line: int
    column: int
    is_text: bool = True

    def told_of(self, subject: str) -> str:
        """A sentence that says it of ``subject``."""
        form = "JSON" if self.is_text else "UTF-8"
        return f"{subject} is not {form}: {self.what} (line {self.line}, column {self.column})."


TOO_DEEP: Final = Fault("it is nested too deeply", 1, 1)


def fault_of(body: bytes) -> Fault | None:
    """What is wrong with a text that should be JSON; None when it is JSON."""
    try:
        msgspec.json.decode(body)
    except RecursionError:
        return TOO_DEEP
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        return _known(body) or _malformed(body, str(exc))
    return None


def misfit_told(said: str) -> str:
    """What the parser says of JSON that is not of the expected shape, as a clause: "payload is text; it must be an object"."""
    if found := _MISFIT.fullmatch(said):
        # null is as good as nothing in most places, and of no help to who has sent something else.
        wanted = [_kind(one) for one in found[1].split(" | ") if one != "null"]
        return f"{found[3] or 'it'} is {_kind(found[2])}; it must be {' or '.join(dict.fromkeys(wanted))}"
    if found := _LACK.fullmatch(said):
        return f"{found[2]}.{found[1]} is missing" if found[2] else f"{found[1]} is missing"
    return said


def _kind(name: str) -> str:
    return _KINDS.get(name, name)


def _known(body: bytes) -> Fault | None:
    """What is seen without a parser."""
    if not body.strip():
        return Fault("it is empty", 1, 1)
    if body.startswith(_GZIP):
        return Fault("it is compressed by gzip, and no Content-Encoding says so", 1, 1)
    # JSON begins with an ASCII character and has no NUL: where there is one, characters have two bytes or four.
    if b"\0" in body[:4] or body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Fault("it looks like UTF-16 or UTF-32", 1, 1, is_text=False)
    if body.startswith(b"\xef\xbb\xbf"):
        return Fault("it begins with a byte order mark", 1, 1)
    if body.lstrip().startswith(b"<"):
        return _at(body, body.index(b"<"), "it begins with '<', as a page does")
    try:
        body.decode()
    except UnicodeDecodeError as exc:
        return _at(body, exc.start, f"byte {exc.start} is none of UTF-8", is_text=False)
    return None


def _malformed(body: bytes, said: str) -> Fault:
    """What the parser said, with the place that it names; without one it means the end, or it does not matter where."""
    if said == _TRUNCATED or "surrogate" in said:
        half = _half_of_a_pair(body)
        if half is not None:
            return _at(body, half, "half of a surrogate pair is no character")
    found = _AT_BYTE.fullmatch(said)
    if found is not None:
        byte = int(found[2])
        # Only where a value was expected: elsewhere it is the parser who knows what is missing.
        is_word = found[1] == _NO_CHARACTER
        return _at(
            body, byte, (_wrong(body, byte) if is_word else "") or _PLAINER.get(found[1], found[1])
        )
    if said == _TRUNCATED:
        return _at(body, len(body.rstrip()), "it ends before it is complete")
    return Fault(said.partition(" - at ")[0].lower(), 1, 1)


def _wrong(body: bytes, byte: int) -> str:
    """What other languages write, and JSON does not have."""
    if body.startswith(b"'", byte):
        return "a text stands in double quotes"
    if found := _NO_NUMBER.match(body, byte):
        return f"{found[0].decode()} is no number of JSON"
    if found := _WORD.match(body, byte):
        return f"{found[0].decode()} is no value of JSON"
    if body[byte : byte + 1] in _BLANKS:
        return "a line break or a tab in a text is written as an escape"
    return ""


def _half_of_a_pair(body: bytes) -> int | None:
    """Where an escape stands that needs another one beside it, and has none.

    The parser takes what follows for the other half, and is at the end of the text then. One that the text ends with is cut off.
    """
    high: re.Match[bytes] | None = None
    for escape in _ESCAPE.finditer(body):
        code = int(escape[1], 16) if escape[1] else 0
        if high is not None and (high.end() != escape.start() or code not in _LOW):
            return high.start()
        if high is None and code in _LOW:
            return escape.start()
        high = escape if code in _HIGH else None
    return None if high is None or high.end() == len(body) else high.start()


def _at(body: bytes, byte: int, what: str, *, is_text: bool = True) -> Fault:
    start = body.rfind(b"\n", 0, byte) + 1
    column = len(body[start:byte].decode(errors="replace")) + 1
    return Fault(what, body.count(b"\n", 0, byte) + 1, column, is_text)
