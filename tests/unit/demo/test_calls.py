"""A call as a curl line: what is pasted does what was sent."""

import shlex
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from homegraph.demo.calls import Call

words = st.text(max_size=40).filter(str.isprintable)
names = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,15}\Z")
calls = st.builds(
    Call,
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.builds("http://127.0.0.1:4663/{}".format, words),
    st.lists(st.tuples(names, words), max_size=3).map(tuple),
    words,
)


def as_curl_reads(words):
    """The call that curl makes of its arguments, by the flags that we use."""
    assert words[:3] == ["curl", "-i", "-s"]
    method, headers, body = "GET", [], ""
    rest = words[3:-1]
    while rest:
        flag, value, *rest = rest
        if flag == "-X":
            method = value
        elif flag == "-H":
            name, colon, text = value.partition(": ")
            assert bool(text) is bool(colon), "curl would leave the header out"
            headers.append((name, text) if colon else (value.removesuffix(";"), ""))
        elif flag == "-d":
            assert not value.startswith("@"), "curl would read a file"
            body = value
        else:
            assert flag == "--data-raw"
            body = value
    return Call(method, words[-1], tuple(headers), body)


@given(calls)
@example(Call("POST", "http://127.0.0.1/", (("X-Empty", ""), ("X-Full", "a; b")), "@/etc/hosts"))
def test_the_line_gives_the_call_back(call):
    """A shell that splits the line finds method, address, headers and body as they were sent."""
    assert as_curl_reads(shlex.split(call.as_curl())) == call


@settings(max_examples=25, deadline=None)
@given(calls)
def test_a_real_shell_reads_the_line_so_too(call):
    """Nothing in it means anything to a shell, and it is one line."""
    line = call.as_curl()
    ran = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True, timeout=20
    )

    assert ran.stdout.decode().split("\0")[:-1] == shlex.split(line)
    assert "\n" not in line


def test_the_documented_call_looks_like_the_documentation():
    """The body without quotes around its key stands in the line as it is sent."""
    call = Call(
        "POST",
        "http://127.0.0.1:4663/v1/devices:requestSync?key=K",
        (("Content-Type", "application/json"),),
        '{agentUserId: "user-1"}',
    )

    assert call.as_curl() == (
        "curl -i -s -X POST -H 'Content-Type: application/json' "
        "-d '{agentUserId: \"user-1\"}' 'http://127.0.0.1:4663/v1/devices:requestSync?key=K'"
    )
    assert call.as_request().body == b'{agentUserId: "user-1"}'


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "a\x00", "\u202e"])
def test_what_cannot_be_pasted_is_no_call(text):
    """Control characters in a line would do something else than stand there."""
    with pytest.raises(ValueError, match="printable"):
        Call("POST", "http://127.0.0.1/", (), text)
