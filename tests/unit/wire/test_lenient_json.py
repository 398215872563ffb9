"""The lenient parser, through ``parse`` alone: what it accepts, and to the byte how it refuses.

Expected messages are written out, never computed from the module's own table.
"""

import copy
import sys

import pytest

from homegraph.errors import WireError
from homegraph.wire.json_grammar import AFTER_VALUE, GRAMMAR, Expect
from homegraph.wire.lenient_json import (
    BODY_BYTES_MAX,
    CONTAINERS_DEEP_MAX,
    OBJECTS_DEEP_MAX,
    JsonSyntaxError,
    JsonTooLarge,
    parse,
)

PREFIX = "Invalid JSON payload received. "


def message_of(data: bytes) -> str:
    """Parse what must be refused, and return Google's part of the message."""
    with pytest.raises(JsonSyntaxError) as caught:
        parse(data)
    assert caught.value.message.startswith(PREFIX)
    return caught.value.message.removeprefix(PREFIX)


def same(left: object, right: object) -> bool:
    """Equal in type too: 1 is not 1.0 is not True, and -0.0 is not 0.0."""
    return repr(left) == repr(right)


# --- accepted --------------------------------------------------------------------------------------------------------

ACCEPTED = {
    # what Google's documents and old clients send
    b'{agentUserId: "user-1"}': {"agentUserId": "user-1"},
    b"{'agentUserId':'x', async:true,}": {"agentUserId": "x", "async": True},
    b'{"a":[1,2,],}': {"a": [1, 2]},
    b"{nullable:1}": {"nullable": 1},
    rb'{"a":"\q\v"}': {"a": "q\v"},
    b'{"a":"line\nbreak"}': {"a": "line\nbreak"},
    # roots
    b"[]": [],
    b"{}": {},
    b'"x"': "x",
    b"null": None,
    b" true ": True,
    b"false": False,
    b"7": 7,
    # white space
    b" \t\n\r\v\f{ \t\n\r\v\fa \t\n\r\v\f: \t\n\r\v\f1 \t\n\r\v\f} \t\n\r\v\f": {"a": 1},
    # bare keys
    b"{$:1,_:2,a1_$:3}": {"$": 1, "_": 2, "a1_$": 3},
    b"{trueish:1,falsehood:2,null_:3,tru:4}": {"trueish": 1, "falsehood": 2, "null_": 3, "tru": 4},
    b'{"null":1,\'true\':2,"false":3}': {"null": 1, "true": 2, "false": 3},
    # quotes of both kinds
    b"""{'a"b':"c'd"}""": {'a"b': "c'd"},
    rb"""{'it\'s':"\"\'"}""": {"it's": "\"'"},
    b"{'':''}": {"": ""},
    # commas
    b"{a:1,}": {"a": 1},
    b"[1,]": [1],
    b"[[1,],{b:[],},]": [[1], {"b": []}],
    # strings
    b'"\x00\x01\t\r\n\x7f"': "\x00\x01\t\r\n\x7f",
    rb'"\b\f\n\r\t\v\/\\\"\a\0\x41"': '\b\f\n\r\t\v/\\"a0x41',
    rb'"\u0041\u00e9\u20AC\u0000"': "Aé€\x00",
    rb'"\ud83d\ude00\uD83D\uDE00"': "😀😀",
    rb'"\ud800\udc00\udbff\udfff\ud7ff\ue000"': "\U00010000\U0010ffff\ud7ff\ue000",
    'é€😀"'.encode().join([b'"', b""]): "é€😀",
    '"\\é\\€\\😀"'.encode(): "é€😀",
    '{"ключ":1}'.encode(): {"ключ": 1},
    # the last of equal keys counts
    b"{a:1,'a':2,\"\\u0061\":3}": {"a": 3},
    b"{a:1,a:{b:2}}": {"a": {"b": 2}},
    b"{a:{b:2},a:1}": {"a": 1},
    # words are read by their letters alone
    b"[true,false,null]": [True, False, None],
}


@pytest.mark.parametrize(("data", "value"), ACCEPTED.items())
def test_accepts(data, value):
    """Documents that are JSON, and those that only Google takes for JSON, become values."""
    assert same(value, parse(data))


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("-12", -12),
        ("9223372036854775808", 2**63),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("99999999999999999999", 1e20),
        ("100000000000000000000", 1e20),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", -(2.0**63)),
        ("-18446744073709551616", -(2.0**64)),
        ("9" * 300, 1e300),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("1.5", 1.5),
        ("01.5", 1.5),
        ("-0.0", -0.0),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        ("1e-5", 1e-5),
        ("1.7976931348623157e308", sys.float_info.max),
        ("1e-999", 0.0),
    ],
)
def test_numbers(digits, value):
    """Integers that fit in int64 or uint64 stay integers; everything else is a double."""
    assert same(parse(digits.encode()), value)
    assert same(parse(f"[{digits},{digits}]".encode()), [value, value])


# --- refused ---------------------------------------------------------------------------------------------------------

REFUSED = {
    # the vectors worked out with the reference
    b"{null:1}": "Expected an object key or }.\n{null:1}\n     ^",
    b'{"a":01}': 'Octal/hex numbers are not valid JSON values.\n{"a":01}\n     ^',
    b'{"a":0x1F}': 'Octal/hex numbers are not valid JSON values.\n{"a":0x1F}\n     ^',
    b'{"a":1 "b":2}': 'Expected , or } after key:value pair.\n{"a":1 "b":2}\n       ^',
    b'{"a" 1}': 'Expected : between key:value pair.\n{"a" 1}\n     ^',
    b'{"a":}': 'Unexpected token.\n{"a":}\n     ^',
    b'{"a":@}': 'Expected a value.\n{"a":@}\n     ^',
    b'{"a":NaN}': 'Unexpected token.\n{"a":NaN}\n     ^',
    b'{"a":trueish}': 'Expected , or } after key:value pair.\n{"a":trueish}\n         ^',
    b'{"a":1,,}': 'Expected an object key or }.\n{"a":1,,}\n       ^',
    b"[1,,2]": "Unexpected token.\n[1,,2]\n   ^",
    b"foo": "Unexpected token.\nfoo\n^",
    b"": "Unexpected end of string. Expected a value.\n\n^",
    b"{": "Unexpected end of string. Expected an object key or }.\n{\n ^",
    b'{"a"': 'Unexpected end of string. Expected : between key:value pair.\n{"a"\n    ^',
    b'{"a":': 'Unexpected end of string. Expected a value.\n{"a":\n     ^',
    b'{"a":1': 'Unexpected end of string. Expected , or } after key:value pair.\n{"a":1\n      ^',
    b'{"a":"x': 'Closing quote expected in string.\n{"a":"x\n       ^',
    b'{"a":1} x': 'Parsing terminated before end of input.\n{"a":1} x\n        ^',
    b'{"a":1e999}': 'Number exceeds the range of double.\n{"a":1e999}\n     ^',
    b'{"a":1-2}': 'Unable to parse number.\n{"a":1-2}\n     ^',
    rb'{"a":"\u12G4"}': 'Invalid escape sequence.\n{"a":"\\u12G4"}\n      ^',
    b"// c\n{}": "Expected a value.\n// c\n{}\n^",
    # seen on Google's servers
    b"client_id=012345678": "Unexpected token.\nclient_id=012345678\n^",
    b"q=test": "Unexpected token.\nq=test\n^",
    b"{not json": "Expected : between key:value pair.\n{not json\n     ^",
    # words
    b"{true:1}": "Expected an object key or }.\n{true:1}\n     ^",
    b"{ false : 1}": "Expected an object key or }.\n{ false : 1}\n       ^",
    b"tru": "Unexpected token.\ntru\n^",
    b"True": "Unexpected token.\nTrue\n^",
    b"nullx": "Parsing terminated before end of input.\nnullx\n    ^",
    # strings
    b'"': 'Closing quote expected in string.\n"\n ^',
    b"'a\"": "Closing quote expected in string.\n'a\"\n   ^",
    b'"a\\': 'Closing quote expected in string.\n"a\\\n  ^',
    b"{'a\\": "Closing quote expected in string.\n{'a\\\n   ^",
    b'"\\"': 'Closing quote expected in string.\n"\\"\n   ^',
    b'"\\u': 'Illegal hex string.\n"\\u\n ^',
    b'"\\u123': 'Illegal hex string.\n"\\u123\n ^',
    b'"\\u12"': 'Illegal hex string.\n"\\u12"\n ^',
    b'"\\u12"}': 'Invalid escape sequence.\n"\\u12"}\n ^',
    b'"\\u1234': 'Closing quote expected in string.\n"\\u1234\n       ^',
    b'"\\ud83d': 'Missing low surrogate.\n"\\ud83d\n ^',
    b'"\\ud83d"': 'Missing low surrogate.\n"\\ud83d"\n ^',
    b'"\\ud83d\\ude"': 'Missing low surrogate.\n"\\ud83d\\ude"\n ^',
    b'"\\ud83d\\ude0"': 'Invalid escape sequence.\n"\\ud83d\\ude0"\n ^',
    b'"\\ud83dxxxxxxxx"': 'Missing low surrogate.\n"\\ud83dxxxxxxxx"\n ^',
    b'"\\ud83d\\nxxxxxx"': 'Missing low surrogate.\n"\\ud83d\\nxxxxxx"\n ^',
    b'"\\ud83d\\u0041"': 'Invalid low surrogate.\n"\\ud83d\\u0041"\n ^',
    b'"\\ud83d\\ud83d"': 'Invalid low surrogate.\n"\\ud83d\\ud83d"\n ^',
    b'"\\ud83d\\uzzzz"': 'Invalid escape sequence.\n"\\ud83d\\uzzzz"\n ^',
    b'"\\ude00"': 'Invalid unicode code point.\n"\\ude00"\n ^',
    b'"\\u-123"': 'Invalid escape sequence.\n"\\u-123"\n ^',
    # numbers
    b"-": "Unable to parse number.\n-\n^",
    b"-x": "Unable to parse number.\n-x\n^",
    b"--1": "Unable to parse number.\n--1\n^",
    b"1+1": "Unable to parse number.\n1+1\n^",
    b"1x1": "Unable to parse number.\n1x1\n^",
    b"1e": "Unable to parse number.\n1e\n^",
    b"1.2.3": "Unable to parse number.\n1.2.3\n^",
    b"0x1e5": "Unable to parse number.\n0x1e5\n^",
    b"-.": "Unable to parse number.\n-.\n^",
    b"00": "Octal/hex numbers are not valid JSON values.\n00\n^",
    b"-01": "Octal/hex numbers are not valid JSON values.\n-01\n^",
    b"-0x": "Octal/hex numbers are not valid JSON values.\n-0x\n^",
    b"0-": "Octal/hex numbers are not valid JSON values.\n0-\n^",
    b".5": "Expected a value.\n.5\n^",
    b"+5": "Expected a value.\n+5\n^",
    b"[-1e999]": "Number exceeds the range of double.\n[-1e999]\n ^",
    b"1" * 310: "Number exceeds the range of double.\n" + "1" * 20 + "\n^",
    b"1_000": "Parsing terminated before end of input.\n1_000\n ^",
    # comments, and a byte order mark
    b"{}//": "Parsing terminated before end of input.\n{}//\n  ^",
    b"[1/*2*/]": "Expected , or ] after array value.\n[1/*2*/]\n  ^",
    b"\xef\xbb\xbf{}": "Expected a value.\n\ufeff{}\n^",
    # closing what is not open
    b"[}": "Unexpected token.\n[}\n ^",
    b"{]": "Expected an object key or }.\n{]\n ^",
    b"[1}": "Expected , or ] after array value.\n[1}\n  ^",
    b"{a:1]": "Expected , or } after key:value pair.\n{a:1]\n    ^",
    b"}": "Unexpected token.\n}\n^",
    b"[,]": "Unexpected token.\n[,]\n ^",
    b"{,}": "Expected an object key or }.\n{,}\n ^",
}


@pytest.mark.parametrize(("data", "message"), REFUSED.items())
def test_refuses_in_googles_words(data, message):
    """What is not even lenient JSON is refused with text, context and caret to the byte."""
    assert message == message_of(data)


TOKENS = {
    "{": b"{",
    "}": b"}",
    "[": b"[",
    "]": b"]",
    ":": b":",
    ",": b",",
    "S": b"''",
    "N": b"1",
    "T": b"true",
    "F": b"false",
    "Z": b"null",
    "K": b"key",
    "U": b"@",
    "end": b"",
}
VALUES = "{[SNTFZ"
# Input that leads there; the tokens that may follow; the text for a misplaced token, and for a byte that is none.
STATES = {
    "value": (b"{a:", VALUES, "Unexpected token.", "Expected a value."),
    "entry": (b"{", "}STFZK", *["Expected an object key or }."] * 2),
    "next entry": (b"{a:1,", "}STFZK", *["Expected an object key or }."] * 2),
    "colon": (b"{a ", ":", *["Expected : between key:value pair."] * 2),
    "entry end": (b"{a:1 ", ",}", *["Expected , or } after key:value pair."] * 2),
    "element": (b"[", "]" + VALUES, "Unexpected token.", "Expected a value or ] within an array."),
    "next element": (
        b"[1,",
        "]" + VALUES,
        "Unexpected token.",
        "Expected a value or ] within an array.",
    ),
    "element end": (b"[1 ", ",]", *["Expected , or ] after array value."] * 2),
    "end": (b"{} ", ["end"], *["Parsing terminated before end of input."] * 2),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("token", TOKENS)
def test_every_token_in_every_state(state, token):
    """In each state exactly the tokens of Google's table move on; each other one is refused with the state's text."""
    before, allowed, misplaced, unknown = STATES[state]
    at_token = len(before)
    try:
        parse(before + TOKENS[token])
    except JsonSyntaxError as error:
        text, _, caret = error.message.removeprefix(PREFIX).split("\n")
        refused_here = len(caret) - 1 == at_token
    else:
        text, refused_here = "", False

    if token in allowed:
        assert not refused_here
    elif token == "end":
        assert text == f"Unexpected end of string. {unknown}"
    else:
        assert text == (unknown if token == "U" else misplaced)


def test_table_is_complete():
    """Every expectation has a row, and every move leads to one."""
    then = {move.then for row in GRAMMAR.values() for move in row.moves.values()}

    assert set(Expect) == set(GRAMMAR)
    assert then - {AFTER_VALUE} <= set(GRAMMAR)


# --- the context -----------------------------------------------------------------------------------------------------


def test_context_is_twenty_bytes_on_each_side():
    """The context is cut at 20 bytes before and after the place; the caret stands under it."""
    data = b'{"' + b"k" * 30 + b'" ' + b"1" + b"x" * 30

    assert message_of(data) == (
        "Expected : between key:value pair.\n"
        + "k" * 18
        + '" '
        + "1"
        + "x" * 19
        + "\n"
        + " " * 20
        + "^"
    )


def test_context_in_an_observed_answer():
    """Line breaks are kept: a Google server's answer to a body with one quote missing comes out byte for byte."""
    unclosed = b"""{"requests": [{"image": {"uri": "gs://bucket/a.png
        },
        "features": [
          {"type": "LABEL_DETECTION"}]}]}"""

    assert message_of(unclosed) == (
        'Expected , or } after key:value pair.\n        },\n        "features": [\n       \n'
        "                    ^"
    )


def test_context_counts_bytes_not_characters():
    """Each byte before the place is one space of the caret line, also in a character of several bytes."""
    assert message_of('{"é":€}'.encode()) == 'Expected a value.\n{"é":€}\n' + " " * 6 + "^"


def test_context_may_cut_a_character():
    """A character that the window cuts is shown as a replacement; the caret still counts its bytes."""
    data = ("['" + "é" * 11 + "'x'" + "ü" * 11).encode()

    assert message_of(data) == (
        "Expected , or ] after array value.\n"
        + ("\ufffd" + "é" * 9 + "'" + "x'" + "ü" * 9)
        + "\n"
        + " " * 20
        + "^"
    )


@pytest.mark.parametrize(
    ("data", "context"),
    [
        (b"\xff", "\ufffd"),
        (b'{"a":"\xc3"}', '\ufffd"}'),
        (b"{a 1}\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"x\xff" + b"y" * 30, "\ufffd" + "y" * 19),
        (b"'\xe2\x82", "\ufffd"),
    ],
)
def test_invalid_utf8(data, context):
    """Bytes that are not UTF-8 are refused first; the context begins at the first bad byte."""
    assert message_of(data) == f"Encountered non UTF-8 code points.\n{context}\n^"


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_a_hundred_objects_deep():
    """A hundred objects within each other are read, with arrays between them too; siblings do not count."""
    objects = b"{a:" * (OBJECTS_DEEP_MAX - 1) + b"{}" + b"}" * (OBJECTS_DEEP_MAX - 1)
    mixed = b"{a:[" * OBJECTS_DEEP_MAX + b"]}" * OBJECTS_DEEP_MAX
    siblings = b"[" + b"{}," * 1000 + b"]"

    assert isinstance(parse(objects), dict)
    assert isinstance(parse(mixed), dict)
    assert parse(siblings) == [{}] * 1000


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"{a:" * OBJECTS_DEEP_MAX + b"{", "a"),
        (b"{'a':" * (OBJECTS_DEEP_MAX - 1) + b"{'last key':{", "last key"),
        (b"{a:" * OBJECTS_DEEP_MAX + b"[{", ""),
        (b"[" + b"{a:" * OBJECTS_DEEP_MAX + b"{", "a"),
    ],
)
def test_too_many_objects_deep(data, key):
    """One object more is refused with the key it was to belong to, and without context."""
    assert message_of(data) == f"Message too deep. Max recursion depth reached for key '{key}'"


def test_arrays_deep():
    """Arrays nest up to our own bound, and what is returned can be walked recursively."""
    value = parse(b"[" * CONTAINERS_DEEP_MAX + b"]" * CONTAINERS_DEEP_MAX)

    assert repr(copy.deepcopy(value)) == "[" * CONTAINERS_DEEP_MAX + "]" * CONTAINERS_DEEP_MAX


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"[" * (CONTAINERS_DEEP_MAX + 1), ""),
        (b"[" * 1_000_000, ""),
        (b"[" * (CONTAINERS_DEEP_MAX - 1) + b"{k:[", "k"),
        (b"[" * CONTAINERS_DEEP_MAX + b"{", ""),
    ],
)
def test_too_many_containers_deep(data, key):
    """Beyond our bound, containers of any kind are refused in the same form."""
    assert message_of(data) == f"Message too deep. Max nesting depth reached for key '{key}'"


def test_size():
    """A document of 64 MiB is read; one byte more is refused by size, which is not a matter of syntax."""
    document = b"'" + b"x" * (BODY_BYTES_MAX - 2) + b"'"

    assert len(parse(document)) == BODY_BYTES_MAX - 2
    with pytest.raises(JsonTooLarge) as caught:
        parse(document + b" ")
    assert caught.value.code == "JSON_TOO_LARGE"
    assert caught.value.message == "The JSON document is larger than 64 MiB."
    assert not isinstance(caught.value, JsonSyntaxError)


def test_very_long_numbers():
    """Digits by the thousand are no integers, whatever Python thinks of converting them."""
    digits = b"1" * 5000

    assert message_of(digits).startswith("Number exceeds the range of double.\n")
    assert same(parse(b"0." + digits), 1 / 9)


def test_errors_are_of_the_family():
    """Both errors are WireErrors with a code for programs and a hint for people."""
    assert issubclass(JsonSyntaxError, WireError)
    assert issubclass(JsonTooLarge, WireError)
    assert JsonSyntaxError.code == "JSON_SYNTAX"
    assert JsonSyntaxError.hint
    assert JsonTooLarge.hint
