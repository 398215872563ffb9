"""Why a text is no JSON, and where."""

import gzip
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.wire.json_faults import Fault, fault_of, misfit_told


@pytest.mark.parametrize(
    ("body", "what", "line", "column"),
    [
        (gzip.compress(b"{}"), "it is compressed by gzip, and no Content-Encoding says so", 1, 1),
        (b"", "it is empty", 1, 1),
        (b" \n ", "it is empty", 1, 1),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark", 1, 1),
        (b"\n<html>", "it begins with '<', as a page does", 2, 1),
        (b'{"a":\n [1,', "it ends before it is complete", 2, 5),
        (b'{"a": [\n  NaN]}', "NaN is no number of JSON", 2, 3),
        (b'{"a": -Infinity}', "Infinity is no number of JSON", 1, 8),
        ('{"ä": None}'.encode(), "None is no value of JSON", 1, 7),
        (b"{'a': 1}", "a name stands in double quotes", 1, 2),
        (b"{a: 1}", "a name stands in double quotes", 1, 2),
        (b"{\"a\": 'b'}", "a text stands in double quotes", 1, 7),
        (b'{"a": 0x10}', "expected ',' or '}'", 1, 8),
        (b'{"a": "b\nc"}', "a line break or a tab in a text is written as an escape", 1, 9),
        (b"[1,]", "trailing comma in array", 1, 4),
        (b"[1e999]", "number out of range", 1, 1),
        (b"[" * 100_000, "it is nested too deeply", 1, 1),
    ],
)
def test_what_people_send_is_named(body, what, line, column):
    """In words for whoever wrote it, with the place in characters."""
    assert fault_of(body) == Fault(what, line, column)


@pytest.mark.parametrize(
    ("body", "column"),
    [
        (rb'["\ud83d"]', 3),
        (rb'["\ud83d and more than an escape"]', 3),
        (rb'["\uD83D\ud83d\ude00"]', 3),
        (rb'["\n\ud83d\ude00\ude00"]', 17),
        (rb'["\\ud83d", "\ud83d\ude00", "\ude00"]', 30),
    ],
)
def test_half_of_a_surrogate_pair_is_found_where_it_stands(body, column):
    """The parser takes what follows for the other half, and would have it that the text ends there."""
    assert fault_of(body) == Fault("half of a surrogate pair is no character", 1, column)


def test_a_text_that_ends_within_a_pair_is_cut_off():
    """There is nothing wrong with the half that is there."""
    assert fault_of(rb'["\ud83d').what == "it ends before it is complete"
    assert fault_of(rb'["\ud83d\ude00').what == "it ends before it is complete"


@pytest.mark.parametrize(
    ("body", "what", "line", "column"),
    [
        ('{"name": "Küche"}'.encode("latin-1"), "byte 11 is none of UTF-8", 1, 12),
        ("{}".encode("utf-16"), "it looks like UTF-16 or UTF-32", 1, 1),
        ("{}".encode("utf-16-be"), "it looks like UTF-16 or UTF-32", 1, 1),
        ("{}".encode("utf-32"), "it looks like UTF-16 or UTF-32", 1, 1),
    ],
)
def test_what_is_not_utf_8_is_said_to_be_so(body, what, line, column):
    """It is no mistake of JSON."""
    assert fault_of(body) == Fault(what, line, column, is_text=False)


class Shape(msgspec.Struct):
    text: str | None = None
    number: float | None = None
    count: int | None = None
    answer: bool | str = ""
    inner: "Inner | None" = None


class Inner(msgspec.Struct):
    needed: str
    listed: list[str] = []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[]", "it is a list; it must be an object"),
        (b'{"text": 7}', "text is a number; it must be text"),
        (b'{"number": "7"}', "number is text; it must be a number"),
        (b'{"count": true}', "count is true or false; it must be a number"),
        (b'{"answer": {}}', "answer is an object; it must be true or false or text"),
        (
            b'{"inner": {"needed": "", "listed": [null]}}',
            "inner.listed[0] is null; it must be text",
        ),
        (b'{"inner": {}}', "inner.needed is missing"),
    ],
)
def test_json_of_another_shape_is_named(body, told):
    """In words, not in the parser's types, with the place that it names."""
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body, type=Shape)

    assert misfit_told(str(refused.value)) == told


def test_what_has_no_other_words_is_told_as_it_is():
    """A member that is missing at the top has no path; all else is the parser's word."""
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(b"{}", type=Inner)

    assert misfit_told(str(refused.value)) == "needed is missing"
    assert misfit_told("Something else") == "Something else"


@given(st.recursive(st.none() | st.integers(0, 9) | st.text(), st.lists))
def test_json_has_no_fault(value):
    """Whatever it says."""
    assert fault_of(json.dumps(value).encode()) is None


@given(st.binary(max_size=20))
def test_any_bytes_are_json_or_have_a_fault_inside(body):
    """The place is one that an editor can go to."""
    fault = fault_of(body)
    if fault is not None:
        lines = body.split(b"\n")
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
