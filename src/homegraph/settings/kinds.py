"""Kinds of values: what a setting may hold, how it is read, and how what was expected is put into words.

A kind reads a value as TOML has it. Text from a flag or a variable is first turned into what the file would have said
(``from_text``), so there is one reading and one sentence for all four sources. A relative path means something only with the
folder of whoever wrote it: ``at`` is told that folder once the value is read.

A kind never says where a value came from, and never repeats a value that is ``hidden``: both would be easy to get wrong in
twenty places, so ``file.Reader`` composes every sentence, from ``expected`` and from what ``Unfit`` adds.

Kinds of single values only. Lists and tables are put together from them in ``rows``.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import ClassVar, Final, Generic, TypeVar

from homegraph.settings.secret import Secret

T = TypeVar("T")

SHOWN_CHARS_MAX: Final = 60
"""A wrong value is repeated up to here: enough to recognise it, and one line stays one line."""

ONE_LINE: Final = r"[^\x00-\x1f\x7f\ud800-\udfff]"
"""A character that neither ends a line nor is half of one; the latter is what undecodable bytes of a variable become."""


class Unfit(ValueError):
    """A value does not fit its kind.

    ``sentence`` says all there is to say; without it the reader says "expected …, got …" with the kind's own words, unless
    ``expected`` or ``got`` says it better ("" for ``got``: not worth repeating, or not to be repeated).
    """

    def __init__(
        self, *, sentence: str = "", expected: str | None = None, got: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.expected = expected
        self.got = got


class Kind(Generic[T]):
    """What all kinds can do. ``expected`` completes the sentence "expected …"."""

    hidden: ClassVar[bool] = False

    @property
    def expected(self) -> str:
        """What fits, in words."""
        raise NotImplementedError

    def read(self, value: object) -> T:
        """Check and convert a value as TOML has it. Raises Unfit."""
        raise NotImplementedError

    def from_text(self, text: str) -> object:
        """What the file would say for this text of a flag or variable."""
        return text

    def at(self, value: T, _folder: Path) -> T:
        """The value, where relative paths start at ``folder``."""
        return value

    def show(self, value: T) -> str:
        """The value as the file would say it."""
        return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Text(Kind[str]):
    """Text of one line. ``words`` describes it, ``pattern`` must match all of it."""

    words: str = "text"
    pattern: str = f"{ONE_LINE}{{1,256}}"

    @property
    def expected(self) -> str:
        return self.words

    def read(self, value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise Unfit
        return value


@dataclass(frozen=True, slots=True)
class SecretText(Kind[Secret]):
    """A secret of one line."""

    words: str = "text without line breaks"
    pattern: str = f"{ONE_LINE}{{1,8192}}"
    hidden: ClassVar[bool] = True

    @property
    def expected(self) -> str:
        return self.words

    def read(self, value: object) -> Secret:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise Unfit
        return Secret(value)

    def show(self, value: Secret) -> str:
        return str(value) if value else '""'


@dataclass(frozen=True, slots=True)
class EncryptionKey(SecretText):
    """32 bytes in base64."""

    words: str = "32 bytes in base64 (44 characters)"
    bytes_exact: ClassVar[int] = 32  # AES-256

    def read(self, value: object) -> Secret:
        try:
            fits = isinstance(value, str) and (
                len(base64.b64decode(value, validate=True)) == self.bytes_exact
            )
        except (binascii.Error, ValueError):
            fits = False
        if not fits:
            raise Unfit
        return Secret(str(value))


@dataclass(frozen=True, slots=True)
class Switch(Kind[bool]):
    """Yes or no."""

    spoken: ClassVar[Mapping[str, bool]] = {
        **dict.fromkeys(("true", "1", "yes", "on"), True),
        **dict.fromkeys(("false", "0", "no", "off"), False),
    }

    @property
    def expected(self) -> str:
        return "true or false"

    def read(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Unfit
        return value

    def from_text(self, text: str) -> object:
        return self.spoken.get(text.strip().lower(), text)


@dataclass(frozen=True, slots=True)
class Whole(Kind[int]):
    """A whole number of something, both limits included."""

    least: int
    most: int
    unit: str = ""

    @property
    def expected(self) -> str:
        return (
            f"a whole number{self.unit and f' of {self.unit}'} between {self.least} and {self.most}"
        )

    def read(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        return value

    def from_text(self, text: str) -> object:
        return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else text


@dataclass(frozen=True, slots=True)
class Seconds(Kind[float]):
    """A time span: a number of seconds, or text with a unit. Both limits included; whole unless ``fractions``."""

    least: float
    most: float
    fractions: bool = False
    units: ClassVar[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

    @property
    def expected(self) -> str:
        number = "a number" if self.fractions else "a whole number"
        return f"{number} of seconds between {self.least:.12g} and {self.most:.12g}"

    def read(self, value: object) -> float:
        seconds = self._spoken(value) if isinstance(value, str) else value
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise Unfit
        # Written so that "not a number" fails it, and before anything that a huge number could overflow.
        if not self.least <= seconds <= self.most:
            raise Unfit
        if not self.fractions and seconds != int(seconds):
            raise Unfit
        return float(seconds)

    def _spoken(self, text: str) -> float | None:
        match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)?\s*", text)
        return float(match[1]) * self.units[match[2] or "s"] if match else None

    def show(self, value: float) -> str:
        return f"{value:g}"


@dataclass(frozen=True, slots=True)
class Bytes(Kind[int]):
    """A size: a number of bytes, or text with a unit."""

    least: int
    most: int
    units: ClassVar[Mapping[str, int]] = {
        "B": 1,
        "kB": 10**3,
        "MB": 10**6,
        "GB": 10**9,
        "KiB": 2**10,
        "MiB": 2**20,
        "GiB": 2**30,
    }

    @property
    def expected(self) -> str:
        return f'a number of bytes (or text such as "8MiB") between {self._spoken(self.least)} and {self._spoken(self.most)}'

    def read(self, value: object) -> int:
        if isinstance(value, str):
            match = re.fullmatch(r"\s*([0-9]{1,15})\s*([A-Za-z]{1,3})?\s*", value)
            unit = self.units.get(match[2] or "B") if match else None
            value = int(match[1]) * unit if match and unit else None
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit
        if not self.least <= value <= self.most:
            raise Unfit
        return value

    def show(self, value: int) -> str:
        spoken = self._spoken(value)
        return spoken if spoken.isdigit() else f'"{spoken}"'

    def _spoken(self, value: int) -> str:
        for unit in ("GiB", "MiB", "KiB"):
            if value and value % self.units[unit] == 0:
                return f"{value // self.units[unit]}{unit}"
        return str(value)


@dataclass(frozen=True, slots=True)
class Choice(Kind[str]):
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        quoted = [f'"{word}"' for word in self.words]
        return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)

    def read(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise Unfit
        return value


@dataclass(frozen=True, slots=True)
class FilePath(Kind[Path]):
    """A path; ``~/`` is the home folder."""

    words: str = "a path"

    @property
    def expected(self) -> str:
        return self.words

    def read(self, value: object) -> Path:
        if not isinstance(value, str) or not re.fullmatch(f"{ONE_LINE}{{1,4096}}", value):
            raise Unfit
        return Path(value)

    def at(self, value: Path, folder: Path) -> Path:
        return folder / _at_home(value)

    def show(self, value: Path) -> str:
        return json.dumps(str(value), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Moment(Kind[float]):
    """A point in time, kept as seconds since 1970."""

    @property
    def expected(self) -> str:
        return "a date and time with offset, such as 2030-01-31T12:00:00Z"

    def read(self, value: object) -> float:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise Unfit from None
        if not isinstance(value, datetime) or value.utcoffset() is None:
            raise Unfit
        return value.timestamp()


@dataclass(frozen=True, slots=True)
class Network(Kind[str]):
    """An IP network or a single address, kept in CIDR form."""

    @property
    def expected(self) -> str:
        return 'a network such as "10.0.0.0/8", or an address'

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise Unfit
        try:
            return str(ipaddress.ip_network(value))
        except ValueError:
            raise Unfit from None


def described(value: object) -> str:
    """A wrong value for a message: recognisable, on one line, in the words of TOML."""
    if isinstance(value, str):
        if "@" in value:
            return "text with an @ in it"  # an address in the wrong key; it may hold a password
        return quoted(
            value if len(value) <= SHOWN_CHARS_MAX else value[: SHOWN_CHARS_MAX - 1] + "…"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Digits without end can be written in hexadecimal; printing them in decimal may be refused.
        return f"{value}" if abs(value) < 10**SHOWN_CHARS_MAX else "a huge number"
    if isinstance(value, float):
        return f"{value}"
    if isinstance(value, date | time):
        return value.isoformat()
    return sort_of(value)


def quoted(text: str) -> str:
    """Text in quotes, on one line, and nothing in it that a terminal would obey."""
    return visible(json.dumps(text, ensure_ascii=False))


def visible(text: str) -> str:
    """Foreign text in one line: control characters are written out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def sort_of(value: object) -> str:
    """What sort of value this is, without a word of it: all that may be told of a secret."""
    match value:
        case "":
            return "empty text"
        case str():
            return "text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def _at_home(path: Path) -> Path:
    """The path with its ``~`` replaced; as it is where no home folder is known."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
