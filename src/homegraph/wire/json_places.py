"""Where in a JSON text a value stands: RFC 6901 pointers to lines and columns.

A finding names a place by a pointer; whoever mends the text needs the line. The text is scanned once and nothing is built but
the places that were asked for, so a reply of megabytes costs no more than reading it. Nothing recurses: how deep a text is nested is
somebody else's choice.

Not a parser: of a text that is not JSON the places up to the first mistake are right, and nothing is said about the mistake.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

__all__ = ["Place", "find_places", "repeated_members"]

_TOKEN: Final = re.compile(
    r'[ \t\r\n]*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[{}\[\],:])|(?P<other>[^ \t\r\n{}\[\],:"]+))',
    re.DOTALL,
)
_LINE_END: Final = re.compile(r"\n")


class Place(msgspec.Struct, frozen=True):
    """Where a value starts and ends; ``line`` and ``column`` count from 1, in characters.

    ``exact`` is False for its nearest surroundings, when the value itself is not there (it is missing, or the text ends before).
    """

    line: int
    column: int
    end_line: int
    end_column: int
    exact: bool = True


class _Open(msgspec.Struct):
    """A container under way. ``pointer`` is None below everything that was asked for."""

    is_object: bool
    pointer: str | None
    start: int
    key: str | None = None
    index: int = 0

    def takes(self, mark: str | None, text: str | None) -> bool:
        """Whether a token is no value but one of the container's own: a comma, a colon, a member's name."""
        if mark == ",":
            self.key = None
            self.index += 1
        elif text and self.is_object and self.key is None:
            self.key = _key(text)
        else:
            return mark == ":"
        return True

    def child(self) -> str | None:
        """The pointer of the value that comes next."""
        if self.pointer is None:
            return None
        step = self.key or "" if self.is_object else str(self.index)
        return f"{self.pointer}/{step.replace('~', '~0').replace('/', '~1')}"


def find_places(text: str, pointers: Iterable[str]) -> Mapping[str, Place]:
    """The place of every pointer; a pointer to what is not there gets its nearest parent that is.

    Of a member that is given twice the last one counts, as it does for everybody who reads the text.
    """
    asked = set(pointers)
    spans = _spans(text, {prefix for pointer in asked for prefix in _prefixes(pointer)})
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    places: dict[str, Place] = {}
    for pointer in asked:
        found = next((prefix for prefix in _prefixes(pointer) if prefix in spans), None)
        start, end = (0, 0) if found is None else spans[found]
        line, end_line = bisect_right(starts, start), bisect_right(starts, end)
        places[pointer] = Place(
            line,
            start - starts[line - 1] + 1,
            end_line,
            end - starts[end_line - 1] + 1,
            exact=found == pointer,
        )
    return places


def repeated_members(text: str) -> tuple[str, ...]:
    """The pointers of members that their object has more than once, of a text that is JSON."""
    if not _has_twins(text):
        return ()
    again: list[str] = []
    open_: list[_Open] = []
    names: list[set[str]] = []
    for match in _TOKEN.finditer(text):
        mark, name = match["mark"], match["text"]
        if mark in {"}", "]"}:
            open_.pop()
            names.pop()
            continue
        inside = open_[-1] if open_ else None
        if inside is not None and inside.takes(mark, name):
            if name and inside.key in names[-1]:
                again.append(inside.child() or "")
            if name and inside.key is not None:
                names[-1].add(inside.key)
            continue
        if mark:
            pointer = "" if inside is None else inside.child()
            open_.append(_Open(mark == "{", pointer, match.start()))
            names.append(set())
    return tuple(dict.fromkeys(again))


def _has_twins(text: str) -> bool:
    """The quick answer, which is nearly always no."""
    twins = False

    def look(members: list[tuple[str, object]]) -> None:
        nonlocal twins
        twins = twins or len({name for name, _ in members}) < len(members)

    try:
        json.loads(text, object_pairs_hook=look, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return False
    return twins


def _prefixes(pointer: str) -> Iterable[str]:
    """A pointer and its parents, the longest first."""
    yield pointer
    while pointer:
        pointer = pointer[: pointer.rfind("/")] if "/" in pointer else ""
        yield pointer


def _spans(text: str, wanted: set[str]) -> dict[str, tuple[int, int]]:
    """Start and end of every wanted value. A container that never ends reaches to the end of the text."""
    spans: dict[str, tuple[int, int]] = {}
    open_: list[_Open] = []
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        mark = match["mark"]
        start = match.start(match.lastgroup or 0)
        inside = open_[-1] if open_ else None
        if mark in {"}", "]"}:
            if inside is None:
                break
            open_.pop()
            if inside.pointer is not None:
                spans[inside.pointer] = (inside.start, position)
            continue
        if inside is not None and inside.takes(mark, match["text"]):
            continue
        pointer = "" if inside is None else inside.child()
        if pointer not in wanted:
            pointer = None
        if mark:
            open_.append(_Open(mark == "{", pointer, start))
        if pointer is not None:
            spans[pointer] = (start, len(text) if mark else position)
    return spans


def _key(quoted: str) -> str:
    """A member's name; one that cannot be read stands for itself."""
    try:
        return str(json.loads(quoted, strict=False))
    except ValueError:
        return quoted
