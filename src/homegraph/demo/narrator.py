"""How the story looks: short, calm, the same words in a terminal and in a file.

Everything is laid out as lines of marked text first, without knowing where they go; then the lines are written, with colour
where the reader sits at a terminal (and has not set NO_COLOR), without it everywhere else. So the text of both is the same,
and a test can read it.

Indents carry the structure: a step's title at the margin, its sentences under it, deeper whatever is to be pasted or was
answered, and deepest what happened meanwhile. Sentences, shown lines and tables are kept apart by an empty line. Lines to be
pasted stand alone, are never wrapped, and have neither prompt nor comment, so that a whole line can be copied into any shell.

The rule that is easily broken: text goes out through ``_write``. It shows control characters instead of sending them, bears a
stream that cannot write a character, and one whose reader has gone away.
"""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, StrEnum, auto
from typing import Final, TextIO, TypeAlias

WIDTH_MAX: Final = 92
"""Columns of a sentence. Longer lines are hard to read."""

WIDTH_MIN: Final = 40

SAID: Final = " " * 3
SHOWN: Final = " " * 5
MEANWHILE: Final = " " * 9
GAP: Final = "  "


class Mark(StrEnum):
    """What a piece of text is; the values are rich's styles."""

    PLAIN = ""
    TITLE = "bold"
    PASTE = "cyan"
    FAINT = "dim"
    GOOD = "green"
    BAD = "bold red"


class Block(Enum):
    """What lines belong together; between two kinds there is an empty line."""

    NOTHING = auto()
    TITLE = auto()
    SAID = auto()
    SHOWN = auto()
    TABLE = auto()


Line: TypeAlias = tuple[tuple[Mark, str], ...]


def paragraph(text: str, width: int, mark: Mark = Mark.PLAIN) -> list[Line]:
    """Sentences, broken at blanks."""
    wrapped = textwrap.wrap(text, width - len(SAID), break_long_words=False, break_on_hyphens=False)
    return [((mark, SAID + line),) for line in wrapped]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Line]:
    """Columns as wide as their widest cell; the text in them is ASCII."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]

    def aligned(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return SHOWN + GAP.join(padded).rstrip()

    return [((Mark.FAINT, aligned(headings)),), *(((Mark.PLAIN, aligned(row)),) for row in rows)]


def facts(pairs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Names and what there is to say about each; long texts go on under their beginning."""
    widest = max(len(name) for name, _ in pairs)
    indent = SHOWN + " " * (widest + len(GAP))
    lines: list[Line] = []
    for name, text in pairs:
        first, *others = textwrap.wrap(
            text,
            max(WIDTH_MIN, width) - len(indent),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
        padded = SHOWN + name.ljust(widest) + GAP if first else SHOWN + name
        lines.append(((Mark.FAINT, padded), (Mark.PLAIN, first)))
        lines += [((Mark.PLAIN, indent + more),) for more in others]
    return lines


class Narrator:
    """Tells the story to a stream."""

    def __init__(self, stream: TextIO, *, coloured: bool, width: int = WIDTH_MAX) -> None:
        """``width`` is in columns; ``coloured`` streams get the codes of a terminal."""
        self._stream = stream
        self._width = width
        self._print = _coloured(stream) if coloured else self._plain
        self._last = Block.NOTHING

    def title(self, text: str) -> None:
        """What comes now."""
        self._write(Block.TITLE, [((Mark.TITLE, text),)])

    def say(self, text: str) -> None:
        """Sentences."""
        self._write(Block.SAID, paragraph(text, self._width))

    def paste(self, line: str, note: str = "") -> None:
        """A line that does what the story does, if it is pasted into a shell; ``note`` says above it what that is."""
        above = [((Mark.FAINT, f"{SHOWN}{note}"),)] if note else []
        self._write(Block.SHOWN, [*above, ((Mark.PLAIN, SHOWN), (Mark.PASTE, line))])

    def meanwhile(self, sent: str, status: int, came: str) -> None:
        """What the servers said to each other: what one sent, what the other answered."""
        sent_line = ((Mark.FAINT, f"{MEANWHILE}--> "), (Mark.PLAIN, sent))
        self._write(Block.SHOWN, [sent_line, _answer(MEANWHILE, status, came)])

    def came(self, status: int, text: str) -> None:
        """What was answered to the line above."""
        self._write(Block.SHOWN, [_answer(SHOWN, status, text)])

    def result(self, text: str) -> None:
        """What came of it, in one line."""
        self._write(Block.SHOWN, [((Mark.GOOD, SHOWN + text),)])

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows under headings."""
        self._write(Block.TABLE, table(headings, rows))

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and values."""
        self._write(Block.SHOWN, facts(pairs, self._width))

    def wrong(self, text: str) -> None:
        """The story does not go as told."""
        self._write(Block.TITLE, paragraph(f"NOT AS TOLD: {text}", self._width, Mark.BAD))

    def _write(self, block: Block, lines: Iterable[Line]) -> None:
        if self._is_apart(block):
            lines = [(), *lines]
        self._last = block
        encoding = self._stream.encoding or "utf-8"
        try:
            for line in lines:
                self._print(tuple((mark, _writable(text, encoding)) for mark, text in line))
            self._stream.flush()
        except BrokenPipeError:
            # The reader has seen enough; the story goes on, for its exit code is still wanted.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _is_apart(self, block: Block) -> bool:
        """Whether an empty line comes before the block; sentences follow their title at once."""
        if self._last is Block.NOTHING or (self._last, block) == (Block.TITLE, Block.SAID):
            return False
        return block is Block.TITLE or block is not self._last

    def _plain(self, line: Line) -> None:
        self._stream.write("".join(text for _, text in line) + "\n")


def _answer(indent: str, status: int, text: str) -> Line:
    mark = Mark.GOOD if 200 <= status < 300 else Mark.BAD  # noqa: PLR2004  # HTTP's success
    told = ((Mark.PLAIN, f"{GAP}{text}"),) if text else ()
    return ((Mark.FAINT, f"{indent}<-- "), (mark, str(status)), *told)


def narrator_for(stream: TextIO) -> Narrator:
    """A narrator that suits the stream: colour and the terminal's width only where there is a terminal."""
    if not stream.isatty():
        return Narrator(stream, coloured=False)
    columns = shutil.get_terminal_size().columns
    return Narrator(
        stream,
        coloured=not os.environ.get("NO_COLOR"),
        width=max(WIDTH_MIN, min(columns, WIDTH_MAX)),
    )


def _writable(text: str, encoding: str) -> str:
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _coloured(stream: TextIO) -> Callable[[Line], None]:
    """Write through rich, which is imported only where it is needed."""
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False, force_terminal=True)

    def write(line: Line) -> None:
        # soft_wrap: the terminal wraps, so that a copied line has no breaks in it.
        console.print(Text.assemble(*((text, mark.value) for mark, text in line)), soft_wrap=True)

    return write
