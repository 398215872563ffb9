"""Tables of settings: one row per key, and the row stands where the value will.

A settings class is a frozen dataclass whose fields are made by ``row`` and ``required``. The field's name is the key, its
default is the default, and the row beside it says which kind of value fits and what the key is for. So the value a program
reads, the key a file has, the variable, the flag and the page of the reference come from one line, and none can be
forgotten when a key is added.

``ListOf`` and ``TableOf`` put kinds together; they do not read anything themselves, because every element and every key has
a place of its own in a message. ``file.Reader`` walks them.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Generic, TypeVar, cast

from homegraph.settings.kinds import Kind
from homegraph.settings.secret import Secret

T = TypeVar("T")

VARIABLE_PREFIX: Final = "HOMEGRAPH_"
FILE_KEY_SUFFIX: Final = "_file"
FILE_VARIABLE_SUFFIX: Final = "_FILE"

CLIENT_VARIABLES: Final[Mapping[str, str]] = {
    "HOMEGRAPH_CONFIG": "The file that `homegraph serve` reads, where `--config` does not name one.",
    "HOMEGRAPH_SERVER": "The server that the commands talk to.",
    "HOMEGRAPH_ADMIN_TOKEN": "The token they show it, where the one in the data folder is out of reach.",
    "HOMEGRAPH_ADMIN_TOKEN_FILE": "A file with that token.",
    "HOMEGRAPH_BASE_URL": "Where calls of the public API go (`homegraph request-sync`, `Client`).",
    "HOMEGRAPH_EMULATOR_HOST": "The same as HOST:PORT, in the manner of Google's emulators.",
    "HOMEGRAPH_FULFILLMENT_TOKEN": "The access token that `homegraph lint --url` asks a fulfillment with, so that it is not seen in a list of processes.",
    "HOMEGRAPH_API_KEY": "The API key of `homegraph request-sync USER`, so that it is not seen in a list of processes.",
    "HOMEGRAPH_API_KEY_FILE": "A file with that key.",
    "HOMEGRAPH_PIN_FILE": "A file with the PIN that `homegraph execute` answers a device with.",
    "HOMEGRAPH_DEBUG": "`1`: the commands show where in the program an error came from.",
}
"""Variables of the commands and the client. They are no settings of the server, and no mistakes either."""


@dataclass(frozen=True, slots=True)
class ListOf(Kind[tuple[T, ...]], Generic[T]):
    """A list; of one kind. In a flag or variable the elements are separated by commas."""

    element: Kind[T]

    @property
    def expected(self) -> str:
        return f"a list; each element {self.element.expected}"

    def from_text(self, text: str) -> object:
        return [self.element.from_text(part.strip()) for part in text.split(",") if part.strip()]

    def show(self, value: tuple[T, ...]) -> str:
        return f"[{', '.join(self.element.show(each) for each in value)}]"


@dataclass(frozen=True, slots=True)
class TableOf(Kind[T]):
    """A table with the keys of a settings class. ``shorthand`` names the key that a bare text stands for."""

    settings: type[T]
    shorthand: str = ""

    @property
    def expected(self) -> str:
        return "text or a table" if self.shorthand else "a table"

    def show(self, value: T) -> str:
        return "" if value == self.settings() else repr(value)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. ``doc`` is its sentence in the reference, ``default_text`` its default there.

    ``default`` is None for a key that is required, is None without a value, or has a default that is made when it is needed.
    """

    kind: Kind[Any]
    doc: str
    default: Any = None
    default_text: str = ""
    is_required: bool = False
    flag: str = ""
    name: str = ""
    variable: str = ""

    @property
    def is_hidden(self) -> bool:
        """Whether its value is never shown; such a value may also stand in a file of its own."""
        return self.kind.hidden

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty text says the same as leaving the key out."""
        return bool(self.default == "" or self.default == Secret())

    @property
    def file_key(self) -> str:
        """The key that names the file with the value; empty for what is not hidden."""
        return f"{self.name}{FILE_KEY_SUFFIX}" if self.is_hidden else ""

    @property
    def file_variable(self) -> str:
        """The variable that does the same."""
        return f"{self.variable}{FILE_VARIABLE_SUFFIX}" if self.is_hidden else ""


def row(
    kind: Kind[T],
    default: T | Callable[[], T],
    doc: str,
    *,
    flag: str = "",
    variable: str = "",
    default_text: str = "",
) -> T:
    """A field of a settings class. A callable default is called once per value and needs a ``default_text``."""
    if callable(default):
        made = Setting(kind, doc, default_text=default_text, flag=flag, variable=variable)
        return field(default_factory=default, metadata={"setting": made})
    text = default_text or kind.show(default)
    made = Setting(kind, doc, default, default_text=text, flag=flag, variable=variable)
    return field(default=default, metadata={"setting": made})


def optional(kind: Kind[T], doc: str) -> T | None:
    """A field that is None unless it is given."""
    return cast("T | None", field(default=None, metadata={"setting": Setting(kind, doc)}))


def required(kind: Kind[T], doc: str) -> T:
    """A field that has no default."""
    return cast("T", field(metadata={"setting": Setting(kind, doc, is_required=True)}))


def rows_of(settings: type) -> tuple[Setting, ...]:
    """The rows of a settings class, in the order of its fields."""
    return _rows_of(settings)


@functools.cache  # asked for every table of a file
def _rows_of(settings: type) -> tuple[Setting, ...]:
    return tuple(
        replace(
            setting,
            name=each.name,
            variable=setting.variable or f"{VARIABLE_PREFIX}{each.name.upper()}",
        )
        for each in fields(settings)
        if (setting := each.metadata.get("setting"))
    )


def keys_of(rows: Iterable[Setting]) -> list[str]:
    """Every key a table with these rows may have."""
    return [key for each in rows for key in (each.name, each.file_key) if key]


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """The end of a sentence about an unknown word: what it looks like, if it looks like anything.

    A ``prefix`` that all words have is not compared, because it makes all of them look alike.
    """
    bare = [each.removeprefix(prefix) for each in known]
    close = difflib.get_close_matches(word.removeprefix(prefix), bare, n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else ""
