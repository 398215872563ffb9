"""homegraph.toml: read, and every mistake in it named with file, line, key and what was expected.

``read_config`` turns a file into data with places. ``Reader`` turns data into settings by the rows of their classes; it
serves the variables and flags as well, which are data with another kind of place. What the keys are is none of this
module's business (``server``, ``projects``).

All mistakes are collected in ``Problems`` and raised as one error, because whoever edits a file wants the whole list. So
nothing here stops at the first one: a value that does not fit is ``NOTHING``, and reading goes on without it.

The rule a maintainer could break by accident: no sentence may repeat a hidden value, nor a value whose key is unknown or that
stands where a list or table belongs, for these may be misplaced secrets.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from homegraph.errors import SettingsError
from homegraph.settings.kinds import FilePath, Kind, Unfit, described, quoted, sort_of
from homegraph.settings.places import KeyPath, lines_of, nearest
from homegraph.settings.rows import ListOf, Setting, TableOf, did_you_mean, keys_of, rows_of
from homegraph.settings.secret import Secret

T = TypeVar("T")

CONFIG_BYTES_MAX: Final = 16 * 2**20
"""A file with a hundred thousand adopted links is about this large; beyond it, somebody named the wrong file."""

SECRET_BYTES_MAX: Final = 64 * 2**10
"""No secret is that long; a device or a database named by mistake is not read to its end."""

PROBLEMS_MAX: Final = 50
"""Nobody mends more at a time, and looking for similar words costs time for each."""

KEYS_LISTED_MAX: Final = 20
"""Tables with more keys are looked up in the reference instead of listed in an error."""


class Nothing(Enum):
    """What is read from a value that does not fit."""

    NOTHING = "nothing"


NOTHING: Final = Nothing.NOTHING


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said: ``name`` for people, ``line`` to sort by (0: not in a file)."""

    name: str
    line: int = 0


@dataclass(slots=True)
class Problems:
    """What is wrong, until it is raised all at once."""

    found: list[tuple[Place, str]] = field(default_factory=list)
    unnamed: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the next mistake will only be counted; its sentence is not needed."""
        return len(self.found) >= PROBLEMS_MAX

    def add(self, place: Place, sentence: str) -> None:
        """Note one mistake."""
        if self.is_full:
            self.unnamed += 1
        else:
            self.found.append((place, sentence))

    def raise_any(self) -> None:
        """Raise SettingsError if there is a mistake: the file's by line, then the rest in the order they were found."""
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda each: (each[0].line == 0, each[0].line))
        (first, sentence), *others = ordered
        lines = [sentence, *(f"{place.name}: {more}" for place, more in others)]
        if self.unnamed:
            lines.append(f"… and {self.unnamed} more")
        raise SettingsError("\n".join(lines), place=first.name)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file as it was read. ``name`` is what messages call it; ``is_public`` tells that everybody may read it."""

    name: str
    path: Path
    data: Mapping[str, Any] = field(repr=False)
    lines: dict[KeyPath, int] = field(repr=False)
    is_public: bool

    def place(self, path: KeyPath) -> Place:
        """Where the value stands that ``path`` leads to, or what should hold it."""
        line = nearest(self.lines, path)
        return Place(f"{self.name}:{line}", line)


def read_config(path: Path, name: str) -> ConfigFile:
    """Read a file.

    Raises:
        SettingsError: it cannot be read, or is not TOML; with line and column.
    """
    try:
        with path.open("rb") as file:
            content = file.read(CONFIG_BYTES_MAX + 1)
            mode = path.stat().st_mode
    except (OSError, ValueError) as exc:
        raise SettingsError(f"cannot be read: {_reason(exc)}", place=name) from exc
    if len(content) > CONFIG_BYTES_MAX:
        raise SettingsError(f"is larger than {CONFIG_BYTES_MAX >> 20} MiB", place=name)
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise SettingsError("this is not UTF-8", place=f"{name}:{line}") from exc
    return ConfigFile(
        name=name,
        path=path,
        data=_parse(text, name),
        lines=lines_of(text),
        is_public=bool(mode & stat.S_IROTH),
    )


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        # Without the cause: its traceback is a thousand frames of the parser's.
        raise SettingsError("lists or tables are nested too deeply", place=f"{name}:1") from None
    except ValueError as exc:
        words, line, column = _syntax_error(str(exc), text)
        place = f"{name}:{line}:{column}"
        raise SettingsError(f"this is not TOML: {words}", place=place) from exc


def _syntax_error(message: str, text: str) -> tuple[str, int, int]:
    """Take tomllib's "words (at line 3, column 5)" apart; without a position it means the end of the text."""
    words, _, where = message.partition(" (at ")
    if match := re.search(r"line (\d+), column (\d+)\)$", where):
        return words, int(match[1]), int(match[2])
    last = text.rpartition("\n")[2]
    return words, text.count("\n") + 1, len(last) + 1


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values of one source by their kinds, and notes what does not fit.

    ``folder`` is where relative paths of this source start. ``advice`` ends every sentence. ``secrets`` collects where a
    secret was found in the clear, rather than in a file of its own.
    """

    problems: Problems
    folder: Path
    place: Callable[[KeyPath], Place]
    advice: str = ""
    secrets: list[KeyPath] = field(default_factory=list)

    def problem(self, path: KeyPath, sentence: str) -> None:
        """Note a mistake in what ``path`` leads to."""
        words = f"{dotted(path)}: {sentence}" if path else sentence
        self.problems.add(self.place(path), f"{words}{self.advice}")

    def table(self, settings: type[T], raw: object, path: KeyPath, **given: object) -> T | Nothing:
        """A settings class from a table; ``given`` are fields that are not keys of it."""
        rows = rows_of(settings)
        values = self.values(rows, raw, path)
        if not isinstance(raw, Mapping):
            return NOTHING
        for row in rows:
            if row.is_required and not {row.name, row.file_key} & raw.keys():
                self.problem(path, f"needs {row.name}, {row.kind.expected}")
        if any(row.is_required and row.name not in values for row in rows):
            return NOTHING
        return settings(**given, **values)

    def values(self, rows: Sequence[Setting], raw: object, path: KeyPath) -> dict[str, Any]:
        """The values of those keys of a table that are there and fit."""
        if not isinstance(raw, Mapping):
            self.problem(path, f"expected a table, got {sort_of(raw)}")
            return {}
        known = keys_of(rows)
        for key in (each for each in raw if each not in known):
            sentence = "" if self.problems.is_full else unknown(key, known)
            self.problem((*path, key), sentence)
        read = {row.name: self._key(row, raw, path) for row in rows}
        return {name: value for name, value in read.items() if value is not NOTHING}

    def _key(self, row: Setting, raw: Mapping[str, Any], path: KeyPath) -> Any:
        by_file = row.is_hidden and row.file_key in raw
        if by_file and row.name in raw:
            sentence = f"give either {row.name} or {row.file_key}, not both"
            self.problem((*path, row.file_key), sentence)
            return NOTHING
        if by_file:
            return self.from_file(row.kind, raw[row.file_key], (*path, row.file_key))
        if row.name not in raw or (row.may_be_empty and raw[row.name] == ""):
            return NOTHING
        return self.value(row.kind, raw[row.name], (*path, row.name))

    def value(self, kind: Kind[T], raw: object, path: KeyPath) -> Any:
        """One value, or NOTHING."""
        if isinstance(kind, ListOf):
            return self._list(kind, raw, path)
        if isinstance(kind, TableOf):
            return self._table(kind, raw, path)
        try:
            value = kind.at(kind.read(raw), self.folder)
        except Unfit as unfit:
            self.problem(path, unfit.sentence or _comparison(kind, raw, unfit))
            return NOTHING
        if isinstance(value, Secret):
            self.secrets.append(path)
        return value

    def _list(self, kind: ListOf[Any], raw: object, path: KeyPath) -> Any:
        if not isinstance(raw, list):
            self.problem(path, f"expected a list, got {sort_of(raw)}")
            return NOTHING
        read = [self.value(kind.element, each, (*path, index)) for index, each in enumerate(raw)]
        return NOTHING if NOTHING in read else tuple(read)

    def _table(self, kind: TableOf[Any], raw: object, path: KeyPath) -> Any:
        if not kind.shorthand or isinstance(raw, Mapping):
            return self.table(kind.settings, raw, path)
        if not isinstance(raw, str):
            self.problem(path, f"expected {kind.expected}, got {sort_of(raw)}")
            return NOTHING
        row = next(each for each in rows_of(kind.settings) if each.name == kind.shorthand)
        value = self.value(row.kind, raw, path)
        return NOTHING if value is NOTHING else kind.settings(**{row.name: value})

    def from_file(self, kind: Kind[Any], raw: object, path: KeyPath) -> Any:
        """The value that is the content of the file that ``raw`` names, without the line break at its end."""
        file = self.value(FilePath("the path of a file with the value"), raw, path)
        if file is NOTHING:
            return NOTHING
        try:
            with file.open("rb") as opened:
                content = opened.read(SECRET_BYTES_MAX + 1)
        except (OSError, ValueError) as exc:
            self.problem(path, f"cannot read {quoted(str(file))}: {_reason(exc)}")
            return NOTHING
        if len(content) > SECRET_BYTES_MAX:
            self.problem(path, f"{quoted(str(file))} is larger than {SECRET_BYTES_MAX >> 10} KiB")
            return NOTHING
        text = content.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
        return replace(self, secrets=[]).value(kind, kind.from_text(text), path)


def dotted(path: KeyPath) -> str:
    """A path as people write it: ``projects.acme.links[0].user``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            bare = key if re.fullmatch(r"[A-Za-z0-9_-]{1,256}", key) else described(key)
            text += f".{bare}" if text else bare
    return text


def unknown(key: str, known: Sequence[str]) -> str:
    """A sentence about a key that is not known: the known one that it is like, or a list of all."""
    listed = f"; known here: {', '.join(known)}" if len(known) <= KEYS_LISTED_MAX else ""
    return f"unknown key{did_you_mean(key, known) or listed}"


def _comparison(kind: Kind[Any], raw: object, unfit: Unfit) -> str:
    expected = kind.expected if unfit.expected is None else unfit.expected
    if unfit.got is not None:
        got = unfit.got
    elif kind.hidden:
        got = "text that does not fit" if isinstance(raw, str) and raw else sort_of(raw)
    else:
        got = described(raw)
    return f"expected {expected}, got {got}" if got else f"expected {expected}"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
