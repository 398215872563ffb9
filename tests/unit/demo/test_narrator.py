"""How the story looks: the same words everywhere, colour only where somebody can see it."""

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.demo.narrator import WIDTH_MAX, Narrator, narrator_for

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

LONG = "curl -i -s " + "a-word-of-the-line " * 20


def told(*, coloured=False, width=WIDTH_MAX, text="Some words."):
    """Something of everything, as it comes out."""
    stream = io.StringIO()
    narrator = Narrator(stream, coloured=coloured, width=width)
    narrator.title(text)
    narrator.say(text)
    narrator.paste(LONG + text, text)
    narrator.meanwhile(text, 500, text)
    narrator.came(200, text)
    narrator.result(text)
    narrator.table(("A", "LONGER"), [(text, "x"), ("y", text)])
    narrator.facts([("name", text), ("longer name", LONG)])
    narrator.wrong(text)
    return stream.getvalue()


class Terminal(io.StringIO):
    """A stream that says that somebody looks at it."""

    def isatty(self):
        return True


@given(st.text(max_size=60))
def test_colour_adds_nothing_but_colour(text):
    """Without its codes, the coloured text is the plain one to the letter; rich's own markup means nothing."""
    assert ESCAPES.sub("", told(coloured=True, text=text)) == told(text=text)


@given(st.text(max_size=60))
def test_nothing_that_is_told_can_steer_a_terminal(text):
    """Control characters are shown, wherever they come in."""
    assert all(line.isprintable() for line in told(text=text).split("\n"))


def test_colour_is_there():
    """The codes are written for a terminal."""
    assert "\x1b[36m" in told(coloured=True)
    assert "\x1b" not in told()


def test_lines_to_paste_are_never_broken():
    """However narrow the terminal: a line is copied whole."""
    for coloured in (False, True):
        lines = ESCAPES.sub("", told(coloured=coloured, width=40)).splitlines()
        assert f"     {LONG}Some words." in lines


def test_sentences_are_broken_to_the_width():
    """Nothing but lines to paste is longer than the reader's terminal."""
    stream = io.StringIO()
    narrator = Narrator(stream, coloured=False, width=50)
    narrator.say("word " * 100)
    narrator.facts([("name", "word " * 100)])

    assert max(map(len, stream.getvalue().splitlines())) <= 50
    assert stream.getvalue().split().count("word") == 200


def test_blocks_stand_apart():
    """Sentences follow their title at once; shown lines belong together; everything else has an empty line between."""
    stream = io.StringIO()
    narrator = Narrator(stream, coloured=False)
    narrator.title("1  Title")
    narrator.say("Sentence.")
    narrator.paste("line", "what it does:")
    narrator.meanwhile("SYNC", 200, "3 devices")
    narrator.came(200, "{}")
    narrator.table(("A",), [("x",)])
    narrator.title("2  Title")

    assert stream.getvalue().splitlines() == [
        "1  Title",
        "   Sentence.",
        "",
        "     what it does:",
        "     line",
        "         --> SYNC",
        "         <-- 200  3 devices",
        "     <-- 200  {}",
        "",
        "     A",
        "     x",
        "",
        "2  Title",
    ]


@pytest.mark.parametrize(
    ("stream", "no_color", "is_coloured"),
    [(Terminal(), "", True), (Terminal(), "1", False), (io.StringIO(), "", False)],
    ids=["terminal", "NO_COLOR", "file"],
)
def test_colour_is_for_terminals_of_those_who_want_it(monkeypatch, stream, no_color, is_coloured):
    """A file gets none, and neither does who has set NO_COLOR."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    narrator_for(stream).title("Title")

    assert ("\x1b" in stream.getvalue()) is is_coloured


def test_a_stream_that_cannot_write_a_character_gets_its_number():
    """Where the locale is C, the story is told nevertheless."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Narrator(stream, coloured=False).say("caf\xe9 \u2026")

    assert raw.getvalue() == b"   caf\\xe9 \\u2026\n"


def test_a_reader_who_has_gone_away_harms_nothing():
    """The story goes on into nothing, for its exit code is still wanted."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        narrator = Narrator(stream, coloured=False)
        narrator.say("Somebody there?")
        narrator.say("Well.")
