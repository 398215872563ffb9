"""Where in a TOML text a key stands; ``tomllib`` tells values, but not lines.

``lines_of`` walks a text once and notes the line of every table header, key and array element, by the path that leads
to the value in what ``tomllib.loads`` returns: ``("projects", "acme", "links", 0, "user")``. ``nearest`` answers for any
path, with the nearest thing above it that has a line. So the inside of an inline table is found at the key that holds it,
and a missing key at the table that should have it.

The walk is no second parser: it may only be asked about texts that ``tomllib`` has read, trusts them, and knows just
enough not to be fooled by brackets, commas and hashes inside of strings. A place in a text that is not TOML is in
the words of ``tomllib``'s own error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_STRING: Final = r"""
    \"\"\" (?: \\. | [^\\] )*? \"\"\" "{0,2}   # up to two quotes before the closing three belong to the text
  | '''    .*?                 '''    '{0,2}
  | "      (?: \\. | [^"\\\n] )*  "
  | '      [^'\n]*                '
"""
_TOKEN: Final = re.compile(
    rf"""
    (?P<gap>      [ \t\r]+ | \#[^\n]* )
  | (?P<newline>  \n )
  | (?P<string>   {_STRING} )
  | (?P<open>     [\[{{] )
  | (?P<close>    [\]}}] )
  | (?P<comma>    , )
  | (?P<word>     [^\s\#"'\[\]{{}},]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KEY_PART: Final = re.compile(
    rf"[ \t]* (?P<part> {_STRING} | [A-Za-z0-9_-]+ ) [ \t]* \.?", re.VERBOSE
)
_ARRAY: Final = re.compile(r"[ \t]*=[ \t]*\[")
_BLANK: Final = re.compile(r"(?: [ \t\r\n]+ | \#[^\n]* )*", re.VERBOSE)


def nearest(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line, counted from 1, of what ``path`` leads to, or of the nearest thing that should hold it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def lines_of(text: str) -> dict[KeyPath, int]:
    """The line of every table header, key and array element of a text that ``tomllib`` accepts."""
    walk = _Walk(text)
    while walk.statement():
        pass
    return walk.lines


class _Walk:
    """One pass over a text. ``arrays`` counts the tables of each array of tables so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[KeyPath, int] = {}
        self._at = 0
        self._line = 1
        self._table: KeyPath = ()
        self._here: KeyPath = ()
        self._arrays: dict[KeyPath, int] = {}

    def statement(self) -> bool:
        """Note one header or one key with its value. False at the end of the text."""
        self._move(_BLANK.match(self.text, self._at))
        if self._at >= len(self.text):
            return False
        if self.text.startswith("[[", self._at):
            self._header(of_array=True)
        elif self.text.startswith("[", self._at):
            self._header(of_array=False)
        else:
            self._note(self._table, self._key(), is_table=False)
            self._value()
        return True

    def _header(self, *, of_array: bool) -> None:
        self._at += 2 if of_array else 1
        *outer, last = self._key()
        path = (*self._inside(outer), last)
        if of_array:  # one more table of this array
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
        self._table = path
        self._note((), self._table, is_table=True)
        end = self.text.find("\n", self._at)  # nothing but brackets and a comment can follow
        self._at = len(self.text) if end < 0 else end

    def _inside(self, keys: list[str]) -> KeyPath:
        """The path that the outer keys of a header mean: an array of tables stands for its latest table."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _note(self, start: KeyPath, keys: Iterable[str | int], *, is_table: bool) -> None:
        """Note the line of a path; what is above it gets the line too, until it has one of its own."""
        path = start
        for key in keys:
            path = (*path, key)
            self.lines.setdefault(path, self._line)
        if is_table:
            self.lines[path] = self._line
        self._here = path

    def _key(self) -> list[str]:
        """Read a dotted key."""
        keys: list[str] = []
        while match := _KEY_PART.match(self.text, self._at):
            part = match["part"]
            keys.append(tomllib.loads(f"k={part}")["k"] if part[0] in "\"'" else part)
            self._at = match.end()
            if self.text[self._at - 1] != ".":
                break
        return keys

    def _value(self) -> None:
        """Skip the rest of a statement; note where the elements of an array begin."""
        depth, element, fresh = 0, -1, False
        is_array = _ARRAY.match(self.text, self._at) is not None
        while match := _TOKEN.match(self.text, self._at):
            kind = match.lastgroup
            if kind == "newline" and not depth:
                return
            if kind == "close":
                depth -= 1
            elif kind not in {"gap", "newline", "comma"} and is_array and depth == 1 and fresh:
                element, fresh = element + 1, False
                self.lines[(*self._here, element)] = self._line
            if kind == "open":
                depth += 1
            if kind in {"open", "comma"}:
                fresh = True
            self._move(match)

    def _move(self, match: re.Match[str] | None) -> None:
        if match is not None:
            self._line += match[0].count("\n")
            self._at = match.end()
