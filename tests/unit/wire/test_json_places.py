"""Where in a JSON text a value stands."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.wire.json_places import Place, find_places, repeated_members

TEXT = """\
{
  "requestId": "1",
  "payload": {
    "devices": [
      {"id": "lamp", "name": {"name": "L"}},
      {"a/b": 1, "m~n": [true, null]}
    ]
  }
}
"""


def cut(text, place):
    """The characters between a place's start and end."""
    lines = text.splitlines(keepends=True)
    before = sum(map(len, lines[: place.line - 1])) + place.column - 1
    after = sum(map(len, lines[: place.end_line - 1])) + place.end_column - 1
    return text[before:after]


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/requestId", '"1"'),
        ("/payload/devices/0/name", '{"name": "L"}'),
        ("/payload/devices/0/name/name", '"L"'),
        ("/payload/devices/1/a~1b", "1"),
        ("/payload/devices/1/m~0n", "[true, null]"),
        ("/payload/devices/1/m~0n/1", "null"),
    ],
)
def test_a_pointer_leads_to_its_value(pointer, value):
    """Line and column are where the value starts, and it ends where it ends."""
    place = find_places(TEXT, [pointer])[pointer]
    assert place.exact
    assert cut(TEXT, place) == value


def test_the_whole_text_is_the_empty_pointer():
    """As RFC 6901 has it."""
    assert cut(TEXT, find_places(TEXT, [""])[""]) == TEXT.strip()


@pytest.mark.parametrize(
    ("pointer", "parent"),
    [
        ("/payload/devices/0/type", "/payload/devices/0"),
        ("/payload/devices/7/id/x", "/payload/devices"),
        ("/nothing", ""),
        ("nothing", ""),
    ],
)
def test_what_is_missing_is_shown_where_it_should_be(pointer, parent):
    """The nearest parent that is there, and it says so."""
    places = find_places(TEXT, [pointer, parent])
    assert not places[pointer].exact
    assert cut(TEXT, places[pointer]) == cut(TEXT, places[parent])


def test_the_last_of_two_members_counts():
    """As for everybody who reads the text."""
    text = '{"a": 1,\n "a": 2}'
    assert find_places(text, ["/a"])["/a"] == Place(2, 7, 2, 8)


def test_an_escaped_name_is_found_by_what_it_means():
    """Escapes in a member's name are resolved; a name that cannot be read is its own bytes."""
    assert find_places(r'{"\u0061": 1}', ["/a"])["/a"].exact
    assert find_places(r'{"\x": 1}', ['/"\\x"'])['/"\\x"'].exact


@pytest.mark.parametrize("text", ["", "}", "nope", '{"a": ', '{"a": [1, {"b"', "[1,,2]]]", '"'])
def test_a_text_that_is_not_json_gives_some_place(text):
    """No text is too broken to point into."""
    assert find_places(text, ["/a/1"])["/a/1"].line == 1


def test_a_container_that_never_ends_reaches_to_the_end():
    """A truncated text keeps its places."""
    text = '{"a": [1, 2'
    assert cut(text, find_places(text, ["/a"])["/a"]) == "[1, 2"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def pointers(value, at=""):
    """Every pointer into a value, with what it leads to."""
    yield at, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from pointers(one, at + "/" + key.replace("~", "~0").replace("/", "~1"))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from pointers(one, f"{at}/{index}")


@given(json_values, st.sampled_from([None, 0, 2]), st.booleans())
def test_every_pointer_into_any_value_leads_to_it(value, indent, ascii_only):
    """However it is written down."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    expected = dict(pointers(value))
    places = find_places(text, expected)
    assert all(place.exact for place in places.values())
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for pointer, one in expected.items():
        place = places[pointer]
        start = starts[place.line - 1] + place.column - 1
        end = starts[place.end_line - 1] + place.end_column - 1
        assert json.loads(text[start:end]) == one


@given(st.text())
def test_any_text_gives_a_place(text):
    """And never an exception."""
    assert set(find_places(text, ["", "/a"])) == {"", "/a"}


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        ('{"a": 1, "b": {"a": 1}, "c": ["a", "a", {"a": 2}]}', ()),
        ('{"a": 1, "a": 2, "a": 3}', ("/a",)),
        ('[{"a": {"x~y": [], "x~y": {}}}, {"b/": "b/", "b/": "\\""}]', ("/0/a/x~0y", "/1/b~1")),
        ('{"\\u0061": {}, "a": {}}', ("/a",)),
        ("{", ()),
        ("[" * 100_000, ()),
    ],
)
def test_a_member_that_is_given_twice_is_named(text, pointers):
    """Once, wherever it is; of what is no JSON nothing is said."""
    assert repeated_members(text) == pointers
