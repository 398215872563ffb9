"""The lenient parser by properties: no bytes surprise it, all spellings agree, and twice the input is twice the work."""

import json
import math
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homegraph.wire import lenient_json
from homegraph.wire.lenient_json import CONTAINERS_DEEP_MAX, JsonSyntaxError, parse

PREFIX = "Invalid JSON payload received. "

# A machine shared with others is slow now and then; that is no failure of the parser.
unhurried = settings(deadline=None)


def same(left: object, right: object) -> bool:
    """Equal in type too: 1 is not 1.0 is not True, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


# --- properties ------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *(bytes([byte]) for byte in b"{}[]:,\"'\\ \n\v-+.eEx01_$@"),
    *[b"true", b"false", b"null", b"key", b'"s"', b"1", b"12e3", b"{a:", b"[1,", b"\xc3\xa9"],
    *[rb"\u", rb"\u00e9", rb"\ud83d", rb"\ude00", b"\xff", b"\xe2\x82", b"'" + b"x" * 25 + b"'"],
]
bodies = st.binary() | st.lists(st.sampled_from(FRAGMENTS)).map(b"".join)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def kinds(value: object) -> set[type]:
    """Types that occur in a value."""
    match value:
        case dict():
            return {dict} | {type(key) for key in value}.union(*map(kinds, value.values()))
        case list():
            return {list}.union(*map(kinds, value))
        case _:
            return {type(value)}


@unhurried
@given(bodies)
def test_any_bytes(data):
    """Any bytes are a value of JSON's types, or are refused in the one form of message."""
    try:
        value = parse(data)
    except JsonSyntaxError as error:
        text, _, rest = error.message.partition("\n")
        assert text.startswith(PREFIX)
        assert re.fullmatch(r"(?s)(.*\n {0,20}\^)?", rest)
    else:
        assert kinds(value) <= {dict, list, str, int, float, bool, type(None)}


@unhurried
@given(values, st.booleans(), st.sampled_from([None, 0, 3]))
def test_json_is_read_as_json(value, ascii_only, indent):
    """What a JSON writer writes is read as the same value, in its types too."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert same(parse(text.encode()), value)


@unhurried
@given(st.integers())
def test_integers_of_any_size(number):
    """An integer is read as itself while it fits in 64 bits, and as the nearest double beyond."""
    fits = -(2**63) <= number < 2**64

    assert same(parse(str(number).encode()), number if fits else float(number))


@unhurried
@given(bodies)
def test_agrees_with_strict_json(data):
    """Whatever a strict parser accepts, this one accepts with the same value (NaN and numbers beyond double aside)."""

    def refuse(_text: str) -> None:
        raise ValueError

    def integer(digits: str) -> float:
        number = int(digits)
        return number if -(2**63) <= number < 2**64 else float(number)

    try:
        strict = json.loads(data.decode(), parse_constant=refuse, parse_int=integer)
    except ValueError:
        return
    if not any(map(math.isinf, floats_in(strict))) and "\\ud" not in data.decode().lower():
        assert same(parse(data), strict)


def floats_in(value: object) -> list[float]:
    """Doubles that occur in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in floats_in(item)]
    return [value] if isinstance(value, float) else []


SHORT_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


class Loose:
    """Writes a value in a random one of its many lenient spellings."""

    def __init__(self, chance):
        self.chance = chance

    def space(self):
        return "".join(self.chance.choices(" \t\n\r\v\f", k=self.chance.randrange(3)))

    def character(self, character, quote):
        units = character.encode("utf-16-be")
        spellings = [
            "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2))
        ]
        if character not in (quote, "\\"):
            spellings.append(character)
        if character not in "bfnrtvu":
            spellings.append("\\" + character)
        if character in SHORT_ESCAPES:
            spellings.append(SHORT_ESCAPES[character])
        return self.chance.choice(spellings)

    def string(self, text):
        quote = self.chance.choice("\"'")
        return quote + "".join(self.character(character, quote) for character in text) + quote

    def key(self, text):
        bare = re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", text) and text not in (
            "true",
            "false",
            "null",
        )
        return text if bare and self.chance.random() < 0.8 else self.string(text)

    def items(self, items):
        comma = self.space() + "," if items and self.chance.random() < 0.5 else ""
        return ",".join(items) + comma + self.space()

    def write(self, value):
        match value:
            case dict():
                members = [
                    self.space() + self.key(key) + self.space() + ":" + self.write(member)
                    for key, member in value.items()
                ]
                text = "{" + self.items(members) + "}"
            case list():
                text = "[" + self.items([self.write(element) for element in value]) + "]"
            case str():
                text = self.string(value)
            case _:
                text = json.dumps(value)
        return self.space() + text + self.space()


keys = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,5}", fullmatch=True) | st.sampled_from(
    ["true", "nullable", "null", "", "it's", '"']
)
loose_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20
)


@unhurried
@given(loose_values, st.randoms(use_true_random=False))
def test_every_spelling_is_the_same_value(value, chance):
    """Bare keys, either quote, trailing commas, odd escapes and white space change nothing about the value."""
    text = Loose(chance).write(value)

    assert same(parse(text.encode()), value)


# --- linear time -----------------------------------------------------------------------------------------------------


class Watched(bytes):
    """Bytes that count how many of them are cut out."""

    cut = 0

    def __getitem__(self, index):
        piece = super().__getitem__(index)
        self.cut += len(piece) if isinstance(piece, bytes) else 1
        return piece


def effort(data: bytes) -> tuple[int, int, int]:
    """Lines of the parser executed for ``data``, bytes it cut out, and the deepest call it made."""
    lines = deepest = 0
    here = lenient_json.__file__

    def depth(frame) -> int:
        return 0 if frame is None or frame.f_code.co_filename != here else 1 + depth(frame.f_back)

    def trace(frame, event, _argument):
        nonlocal lines, deepest
        if frame.f_code.co_filename != here:
            return None
        if event == "call":
            deepest = max(deepest, depth(frame))
        lines += event == "line"
        return trace

    watched = Watched(data)
    tracer_of_coverage = sys.gettrace()
    sys.settrace(trace)
    try:
        parse(watched)
    except JsonSyntaxError:
        pass
    finally:
        sys.settrace(tracer_of_coverage)
    return lines, watched.cut, deepest


HEAVY = {
    "arrays in a row": lambda n: b"[" + b"[]," * n + b"]",
    "arrays never closed": lambda n: b"[" * n,
    "objects in a row": lambda n: b"[" + b"{a:{}}," * n + b"]",
    "members": lambda n: b"{" + b"a:1," * n,
    "short strings": lambda n: b"[" + b"''," * n + b"]",
    "one long string": lambda n: b"'" + b"x" * n,
    "escaped quotes": lambda n: b"'" + rb"\'" * n,
    "backslashes": lambda n: b"'" + rb"\\" * n + b"'",
    "other quotes": lambda n: b"'" + b'"' * n + b"'",
    "unicode escapes": lambda n: b'"' + rb"\u00e9" * n,
    "surrogate pairs": lambda n: b'"' + rb"\ud83d\ude00" * n + b'"',
    "escaped wide characters": lambda n: b"'" + "\\€".encode() * n + b"'",
    "digits": lambda n: b"9" * n,
    "minus signs": lambda n: b"-" * n,
    "exponents": lambda n: b"[" + b"1e5," * n + b"]",
    "a long fraction": lambda n: b"0." + b"0" * n + b"1",
    "white space": lambda n: b" " * n,
    "white space between": lambda n: b"[" + b"1 \n ," * n,
    "a long bare key": lambda n: b"{" + b"k" * n,
    "prefixes of words": lambda n: b"{" + b"t" * n,
    "wide characters": lambda n: b"'" + "😀".encode() * n + b"'",
    "not UTF-8 at the end": lambda n: b"'" + b"x" * n + b"\xff",
}


@pytest.mark.parametrize("shape", HEAVY)
def test_twice_the_input_is_at_most_twice_the_work(shape):
    """Doubling an input no more than doubles the lines executed and the bytes copied, whatever its shape."""
    lines, cut, _ = effort(HEAVY[shape](500))
    lines_twice, cut_twice, _ = effort(HEAVY[shape](1000))

    assert lines_twice <= 2 * lines
    assert cut_twice <= 2 * cut + 40  # the context of a message, once


def test_nesting_takes_no_calls():
    """Deep input is not read by deep calls: the deepest call is the same for 2 and for 200 arrays."""
    _, _, shallow = effort(b"[" * 2 + b"]" * 2)
    _, _, deep = effort(b"[" * CONTAINERS_DEEP_MAX + b"]" * CONTAINERS_DEEP_MAX)

    assert shallow == deep > 0
