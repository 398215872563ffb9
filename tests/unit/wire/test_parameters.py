"""The query string of a call."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import CallRefused
from homegraph.wire.parameters import (
    PARAMETERS_MAX,
    QUERY_BYTES_MAX,
    SystemParameters,
    choose_envelope,
    read_pairs,
    read_query,
    require_json_answer,
)


def refused(raw):
    """Read a query and return the refusal."""
    with pytest.raises(CallRefused) as caught:
        read_query(raw)
    return caught.value


def test_no_query():
    """Without a query everything has its default."""
    assert (SystemParameters(), []) == read_query(b"")
    parameters, _ = read_query(b"")
    assert parameters.pretty_print
    assert parameters.alt == "json"


def test_a_key_alone():
    """The usual query is the API key."""
    assert (SystemParameters(key="AIza-_9"), []) == read_query(b"key=AIza-_9")


@pytest.mark.parametrize(
    "raw", [b"key=", b"key=a%62c", b"key=a+b", b"key=" + b"k" * 300, b"key=k&", b"&key=k", b"key"]
)
def test_other_ways_to_write_a_key(raw):
    """A key with escapes, of odd length or with an empty neighbour is read the long way."""
    parameters, rest = read_query(raw)

    assert rest == []
    expected = {b"key=a%62c": "abc", b"key=a+b": "a b", b"key=" + b"k" * 300: "k" * 300}
    assert parameters.key == expected.get(raw, "k" if b"=k" in raw else "")


def test_all_system_parameters():
    """System parameters are taken out of the query, whatever their order; the rest is handed on."""
    parameters, rest = read_query(
        b"quotaUser=q&callback=cb&fields=a(b)&prettyPrint=false&alt=JSON&$.xgafv=1&key=K&access_token=T"
        b"&uploadType=media&upload_protocol=raw&foo=1&agentUserId=a%2Fb&foo=2&Key=3"
    )

    assert parameters == SystemParameters(
        xgafv="1",
        alt="json",
        pretty_print=False,
        fields="a(b)",
        key="K",
        access_token="T",
    )
    assert rest == [("foo", "1"), ("agentUserId", "a/b"), ("foo", "2"), ("Key", "3")]


def test_of_repeats_the_first_counts():
    """The first repeat is the one that counts, and later ones are not even looked at."""
    parameters, _ = read_query(
        b"alt=json&alt=zzz&prettyPrint=false&prettyPrint=true&fields=a&fields=b&key=1&key=2&access_token=c&access_token=d"
    )

    assert (
        parameters.alt,
        parameters.pretty_print,
        parameters.fields,
        parameters.key,
        parameters.access_token,
    ) == ("json", False, "a", "1", "c")


def test_of_xgafv_the_last_repeat_counts():
    """$.xgafv alone is read from the end."""
    assert read_query(b"$.xgafv=1&$.xgafv=2")[0].xgafv == "2"
    assert read_query(b"$.xgafv=0&%24.xgafv=1")[0].xgafv == "1"
    assert refused(b"$.xgafv=1&$.xgafv=0").facts["value"] == "0"


@pytest.mark.parametrize("value", ["", "0", "3", "01", "NOPE"])
def test_a_wrong_xgafv(value):
    """Any value but 1 and 2 is refused, before a wrong alt."""
    error = refused(f"alt=zzz&$.xgafv={value}".encode())

    assert error.code == "SYSTEM_PARAMETER_INVALID"
    assert {"name": "$.xgafv", "value": value, "xgafv": ""} == error.facts


def test_a_wrong_alt():
    """An unknown alt is refused as it was written, in the format that $.xgafv asks for."""
    error = refused(b"alt=ZzZ&$.xgafv=1")

    assert error.code == "ALT_INVALID"
    assert error.facts == {"name": "alt", "value": "ZzZ", "xgafv": "1"}


@pytest.mark.parametrize("raw", [b"alt=", b"alt=json", b"alt=Json", b"alt"])
def test_spellings_of_json(raw):
    """Alt is read in any letter case, and empty it is absent."""
    parameters, _ = read_query(raw)

    assert parameters.alt == "json"
    require_json_answer(parameters)


@pytest.mark.parametrize("value", ["media", "MEDIA", "proto"])
def test_formats_that_no_method_has(value):
    """Media and proto are known, so they are refused only after the credential."""
    parameters, _ = read_query(f"alt={value}&$.xgafv=2".encode())

    with pytest.raises(CallRefused) as caught:
        require_json_answer(parameters)

    assert caught.value.code == "ALT_UNSUPPORTED"
    assert {"name": "alt", "value": value.lower(), "xgafv": "2"} == caught.value.facts


@pytest.mark.parametrize(
    ("value", "pretty"),
    [
        ("false", False),
        ("FALSE", False),
        ("0", False),
        ("n", False),
        ("no", False),
        ("f", False),
        ("true", True),
        ("1", True),
        ("", True),
        ("what", True),
    ],
)
def test_pretty_print(value, pretty):
    """Only a word for false turns indentation off; nothing is refused."""
    assert read_query(f"prettyPrint={value}".encode())[0].pretty_print is pretty


def test_a_token_may_come_under_two_names():
    """oauth_token is another name for access_token, which counts before it."""
    assert read_query(b"oauth_token=o")[0].access_token == "o"
    assert read_query(b"oauth_token=o&access_token=a")[0].access_token == "a"


def test_credentials_are_not_shown():
    """Neither key nor token is in the text of the parameters, only that there is one."""
    shown = repr(read_query(b"key=SECRET-K&access_token=SECRET-T&fields=a")[0])

    assert "SECRET" not in shown
    assert "key='…'" in shown
    assert "fields='a'" in shown
    assert "key=''" in repr(SystemParameters())


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        (b"a=1&&b", [("a", "1"), ("b", "")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"=x", [("", "x")]),
        (b"a+b=c%20d%2B", [("a b", "c d+")]),
        (b"a=%", [("a", "%")]),
        (b"a=%zz", [("a", "%zz")]),
        (b"a=%ff", [("a", "\ufffd")]),
        (b"a=\xc3\xa9%C3%A9", [("a", "éé")]),
        (b"a=%00b", [("a", "%00b")]),
        (b"a;b=1", [("a;b", "1")]),
        (b"", []),
    ],
)
def test_pairs(raw, pairs):
    """Escapes are decoded, broken ones stay, broken UTF-8 and NUL cannot do harm."""
    assert pairs == read_pairs(raw)


def test_queries_are_bounded():
    """Length, number and what is repeated in a refusal have bounds."""
    assert refused(b"a" * (QUERY_BYTES_MAX + 1)).code == "QUERY_TOO_LARGE"
    assert refused(b"a&" * PARAMETERS_MAX).code == "QUERY_TOO_LARGE"
    assert len(read_pairs(b"&".join([b"a"] * PARAMETERS_MAX))) == PARAMETERS_MAX
    assert len(read_query(b"a" * QUERY_BYTES_MAX)[1]) == 1
    assert len(refused(b"alt=" + b"z" * 10_000).facts["value"]) < 1_100


@pytest.mark.parametrize(
    ("xgafv", "format_version", "api_client", "envelope"),
    [
        ("", None, None, 2),
        ("1", None, None, 1),
        ("2", None, None, 2),
        ("1", b"2", None, 1),
        ("2", b"1", b"gdcl/1.0", 2),
        ("", b"2", b"gdcl/1.0", 2),
        ("", b" 1 ", None, 1),
        ("", b"x", None, 2),
        ("", b"", b"gdcl/5.0.5 gl-node/12.0.0", 1),
        ("", None, b"gl-python/3.11 gdcl/2.1", 1),
        ("", None, b"gl-python/3.11 gapic/1", 2),
    ],
)
def test_the_format_of_errors(xgafv, format_version, api_client, envelope):
    """The parameter decides, then the version header, then whether a discovery client calls."""
    assert envelope == choose_envelope(xgafv, format_version, api_client)


@given(
    st.binary(max_size=80)
    | st.lists(
        st.sampled_from(
            [
                b"key=k",
                b"$.xgafv=1",
                b"alt=",
                b"%",
                b"+",
                b"&",
                b"=",
                b"foo",
                b"\xff",
                b"prettyPrint",
            ]
        )
    ).map(b"".join)
)
@example(b"&" * 10_000)
def test_any_bytes_are_a_query_or_refused(raw):
    """Whatever stands behind the question mark, it is read or refused."""
    try:
        parameters, rest = read_query(raw)
    except CallRefused as error:
        assert error.code in ("SYSTEM_PARAMETER_INVALID", "ALT_INVALID", "QUERY_TOO_LARGE")  # noqa: PT017  # one of two good ends
    else:
        assert parameters.alt in ("json", "media", "proto")
        assert all(type(name) is type(value) is str for name, value in rest)
