"""Bytes of a stranger become one reply or an error of ours, however they arrive."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import ReplyGarbled, ReplyTooLarge
from homegraph.http.coding import GZIP_MEMBERS_MAX
from homegraph.http.reading import (
    HEADERS_MAX,
    INTERIM_MAX,
    UNSEEN_MAX_BYTES,
    ReplyReader,
)
from homegraph.http.reply import HEAD_KEPT_MAX_BYTES, HEADS_KEPT_MAX, Heads

MOST = 100_000
OK = b"HTTP/1.1 200 OK\r\n"
RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)


def read(*portions, most=MOST, closed=True):
    """What a reader makes of these portions, and whether the connection may go on."""
    reader = ReplyReader(Heads())
    reader.begin(most)
    reply = None
    for portion in portions:
        reply = reader.feed(portion)
    if reply is None and closed:
        reply = reader.end()
    return reply, reader.keeps_alive


def sized(body, *headers):
    """A reply that says its length."""
    lines = b"".join(b"%b\r\n" % header for header in headers)
    return OK + lines + b"content-length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks, end=b"0\r\n\r\n"):
    """A reply in chunks."""
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return OK + b"transfer-encoding: chunked\r\n\r\n" + parts + end


DEFLATED = RAW_DEFLATE.compress(b"body") + RAW_DEFLATE.flush()
GOOD = {
    "sized": (sized(b"body"), b"body", True),
    "empty": (sized(b""), b"", True),
    "chunked": (chunked(b"bo", b"dy"), b"body", True),
    "trailers": (chunked(b"body", end=b"0\r\nx: y\r\n\r\n"), b"body", True),
    "extension": (OK + b"transfer-encoding: chunked\r\n\r\n4;a=b\r\nbody\r\n0\r\n\r\n", b"body", True),
    "until-closed": (OK + b"\r\nbody", b"body", False),
    "http-1.0": (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body", False),
    "http-1.0-sized": (b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nbody", b"body", False),
    "http-1.0-kept": (
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 4\r\n\r\nbody", b"body", True,
    ),
    "close": (sized(b"body", b"connection: close"), b"body", False),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"body"), b"body", True),
    "early-hints": (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 2 + sized(b"body"), b"body", True),
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "gzip": (sized(gzip.compress(b"body"), b"content-encoding: gzip"), b"body", True),
    "gzip-twice": (sized(gzip.compress(b"bo") + gzip.compress(b"dy"), b"Content-Encoding: X-GZIP"), b"body", True),
    "deflate": (sized(zlib.compress(b"body"), b"content-encoding: deflate"), b"body", True),
    "raw-deflate": (sized(DEFLATED, b"content-encoding: deflate"), b"body", True),
    "identity": (sized(b"body", b"content-encoding: identity"), b"body", True),
    "another-behind": (sized(b"body") + sized(b"evil"), b"body", False),
    "rubbish-behind": (sized(b"body") + b"\0\0\0", b"body", False),
    "rubbish-behind-close": (sized(b"body", b"connection: close") + b"\0\0\0", b"body", False),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_a_reply_is_read(name, size):
    """In one piece or byte by byte: the same body, the same word on whether the connection goes on."""
    data, body, keeps_alive = GOOD[name]
    portions = [data[at : at + size] for at in range(0, len(data), size)]
    reader = ReplyReader(Heads())
    reader.begin(MOST)
    replies = []
    for portion in portions:
        replies.append(reader.feed(portion))
        if replies[-1] is not None:
            break  # whoever owns the connection looks at no more
    reply = replies[-1] or reader.end()

    assert reply.body == body
    if "behind" not in name or size > len(data):
        assert reader.keeps_alive is keeps_alive


def test_status_and_headers():
    """Names in lower case, values as they came, the last of those with one name; none of interim answers and trailers."""
    data = (
        b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 418 I'm a teapot\r\nX-One: Two\r\nx-one: \xe9\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n"
    )

    reply, _ = read(data)

    assert reply.status == 418
    assert reply.headers == {"x-one": "é", "transfer-encoding": "chunked"}


CUT_OFF = {
    "nothing": b"",
    "head": OK + b"content-le",
    "body": sized(b"body")[:-1],
    "chunk": chunked(b"body")[:-6],
    "last-chunk": chunked(b"body")[:-2],
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_reply_that_is_cut_off(name):
    """A reply whose end does not come is none."""
    assert read(CUT_OFF[name]) == (None, False)


BOMB = gzip.compress(b"\0" * (MOST + 1))
GARBLED = {
    "another-protocol": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "http-2": b"\0\0\x12\4\0\0\0\0\0",
    "http-0.9": b"<html>",
    "no-status": b"HTTP/1.1\r\n\r\n",
    "header-without-colon": OK + b"what\r\n\r\n",
    "header-with-nul": OK + b"a: \0\r\n\r\n",
    "folded": OK + b"a: b\r\n c\r\ncontent-length: 4\r\n\r\nbody",
    "length-word": OK + b"content-length: four\r\n\r\nbody",
    "length-negative": OK + b"content-length: -4\r\n\r\nbody",
    "length-twice": OK + b"content-length: 4\r\ncontent-length: 5\r\n\r\nbody",
    "length-huge": OK + b"content-length: " + b"9" * 40 + b"\r\n\r\n",
    "length-and-chunked": OK + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
    "chunked-twice": OK + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "gzip-transfer": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk-size": OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "chunk-size-huge": OK + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
    "chunk-end": OK + b"transfer-encoding: chunked\r\n\r\n1\r\nabc",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "interim-flood": b"HTTP/1.1 103 x\r\n\r\n" * (INTERIM_MAX + 1),
    "not-gzip": sized(b"plain", b"content-encoding: gzip"),
    "half-gzip": sized(gzip.compress(b"body")[:-1], b"content-encoding: gzip"),
    "gzip-rubbish": sized(gzip.compress(b"body") + b"rubbish", b"content-encoding: gzip"),
    "gzip-members": sized(gzip.compress(b"") * (GZIP_MEMBERS_MAX + 1), b"content-encoding: gzip"),
    "not-deflate": sized(b"\xff\xff", b"content-encoding: deflate"),
    "brotli": sized(b"body", b"content-encoding: br"),
    "gzip-in-gzip": sized(b"body", b"content-encoding: gzip, gzip"),
    "gzip-two-lines": sized(b"body", b"content-encoding: gzip", b"content-encoding: br"),
}  # fmt: skip
TOO_LARGE = {
    "announced": OK + b"content-length: %d\r\n\r\n" % (MOST + 1),
    "chunked": chunked(b"x" * MOST, b"x"),
    "until-closed": OK + b"\r\n" + b"x" * (MOST + 1),
    "gzip-bomb": sized(BOMB, b"content-encoding: gzip"),
    "deflate-bomb": sized(zlib.compress(b"\0" * (MOST + 1)), b"content-encoding: deflate"),
    "headers": OK + b"a: b\r\n" * (HEADERS_MAX + 1) + b"\r\n",
    "trailers": chunked(b"body", end=b"0\r\n" + b"a: b\r\n" * (HEADERS_MAX + 1) + b"\r\n"),
    "long-header": OK + b"a: " + b"b" * UNSEEN_MAX_BYTES + b"\r\n\r\n",
    "endless-reason": b"HTTP/1.1 200 " + b"O" * UNSEEN_MAX_BYTES + b"\r\n\r\n",
    "long-extension": OK + b"transfer-encoding: chunked\r\n\r\n4;" + b"x" * UNSEEN_MAX_BYTES,
    "long-trailer": chunked(b"body", end=b"0\r\na: " + b"b" * (UNSEEN_MAX_BYTES * 2) + b"\r\n\r\n"),
    "interim-head": b"HTTP/1.1 103 x\r\na: " + b"b" * UNSEEN_MAX_BYTES + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBLED)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_what_is_not_http(name, size):
    """Other protocols, two ends of one body, broken chunks, wrong compression: one clear error."""
    data = GARBLED[name]
    with pytest.raises(ReplyGarbled) as caught:
        read(*[data[at : at + size] for at in range(0, len(data), size)])

    assert "0x" not in caught.value.message


@pytest.mark.parametrize("name", TOO_LARGE)
@pytest.mark.parametrize("size", [999, 65_536, 10_000_000])
def test_more_than_is_allowed(name, size):
    """Before and after decompression, in the head, between chunks and behind them."""
    data = TOO_LARGE[name]
    with pytest.raises(ReplyTooLarge):
        read(*[data[at : at + size] for at in range(0, len(data), size)])


def test_exactly_what_is_allowed():
    """The bounds themselves are within."""
    body = b"x" * MOST
    head = OK + b"content-length: 4\r\na: "
    filler = b"b" * (UNSEEN_MAX_BYTES - len(head) - len(b"\r\n\r\nbody"))

    assert read(sized(body))[0].body == body
    assert read(chunked(body))[0].body == body
    assert read(sized(gzip.compress(body), b"content-encoding: gzip"))[0].body == body
    assert read(head + filler + b"\r\n\r\nbody")[0].body == b"body"
    lines = b"".join(b"a%d: b\r\n" % number for number in range(HEADERS_MAX - 1))
    assert len(read(OK + lines + b"content-length: 0\r\n\r\n")[0].headers) == HEADERS_MAX


def test_one_reply_after_the_other():
    """A reader starts anew with each reply; nothing of the last one is left."""
    reader = ReplyReader(Heads())
    reader.begin(MOST)
    reader.feed(sized(gzip.compress(b"first"), b"content-encoding: gzip"))
    reader.begin(MOST)

    reply = reader.feed(sized(b"second"))

    assert (reply.body, reply.headers) == (b"second", {"content-length": "6"})


# --- heads that were read before --------------------------------------------------------------------------------


def after(*earlier, most=MOST):
    """A reader that knows the heads of these replies, each read by itself."""
    heads = Heads()
    for one in earlier:
        before = ReplyReader(heads)
        before.begin(MOST)
        before.feed(one)
    reader = ReplyReader(heads)
    reader.begin(most)
    return reader


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("size", [7, 1_000_000])
def test_a_reply_that_was_seen_before_is_read_alike(name, size):
    """Whatever was learned from the first, the second says the same."""
    data, body, keeps_alive = GOOD[name]
    reader = after(data, data)
    reply = None
    for at in range(0, len(data), size):
        reply = reader.feed(data[at : at + size])
        if reply is not None:
            break
    reply = reply or reader.end()

    assert (reply.status, reply.body) == (read(data)[0].status, body)
    if "behind" not in name or size > len(data):
        assert reader.keeps_alive is keeps_alive


def test_a_known_head_with_another_body():
    """The body is the one that came; too little is waited for, too much ends the connection."""
    known = sized(b"body", b"x: y")
    head = known.removesuffix(b"body")
    whole, part, more = (after(known) for _ in range(3))

    assert whole.feed(head + b"BODY").body == b"BODY"
    assert (part.feed(head + b"BO"), part.feed(b"DY").body) == (None, b"BODY")
    assert (more.feed(head + b"BODY!").body, more.keeps_alive) == (b"BODY", False)
    assert whole.keeps_alive
    assert (whole.feed(b"!").body, whole.keeps_alive) == (b"BODY", False)


@pytest.mark.parametrize(
    "known",
    [chunked(b"body"), b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"body")],
    ids=["chunked", "interim"],
)
def test_a_head_that_is_not_all_around_a_body_is_not_learned(known):
    """Chunk lines and interim answers stay where they are: as many bytes as the last body had are no body."""
    head, _, _ = known.partition(b"\r\n\r\n")
    reader = after(known)

    assert reader.feed(known[: len(head) + 8]) is None
    assert reader.feed(known[len(head) + 8 :]).body == b"body"


def test_what_is_compressed_is_read_each_time():
    """Also where it is by chance as long as what it was made of."""
    plain = next(
        text
        for text in (bytes(range(64)) + b"a" * number for number in range(100))
        if len(gzip.compress(text)) == len(text)
    )
    known = sized(gzip.compress(plain), b"content-encoding: gzip")

    assert after(known).feed(known).body == plain


def test_a_known_head_is_no_way_around_a_bound():
    """What one call may bring, another may not."""
    with pytest.raises(ReplyTooLarge):
        after(sized(b"body"), most=3).feed(sized(b"body"))


def test_headers_of_a_known_head_cannot_be_changed():
    """They are everybody's."""
    reply = after(sized(b"body")).feed(sized(b"body"))

    with pytest.raises(TypeError):
        reply.headers["x"] = "y"


def test_heads_that_are_kept_are_bounded():
    """In number, where the oldest go, and in size: parsed anew, those read as ever."""
    heads = Heads()
    many = [sized(b"", b"x: %d" % number) for number in range(HEADS_KEPT_MAX + 1)]
    many.append(sized(b"", b"x: " + b"y" * HEAD_KEPT_MAX_BYTES))
    for one in many:
        reader = ReplyReader(heads)
        reader.begin(MOST)
        assert reader.feed(one).status == 200

    known = [heads.reply(one, MOST) is not None for one in many]
    assert known == [False] + [True] * HEADS_KEPT_MAX + [False]


PIECES = st.sampled_from(
    [
        OK, b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 x\r\n\r\n", b"HTTP/1.1 204 x\r\n", b"\r\n", b"\n", b"\r",
        b"content-length: 4\r\n", b"content-length: 9\r\n", b"transfer-encoding: chunked\r\n", b"connection: close\r\n",
        b"content-encoding: gzip\r\n", b"content-encoding: deflate\r\n", b"upgrade: h2c\r\nconnection: upgrade\r\n",
        b"body", b"4\r\nbody\r\n", b"0\r\n", b"0\r\n\r\n", b"x: y\r\n", gzip.compress(b"body"), zlib.compress(b"body"), b"\0",
    ]
)  # fmt: skip


def _outcome(portions, heads):
    """The reply or the error that a stream of bytes leads to. What follows a whole reply is not looked at."""
    reader = ReplyReader(heads)
    reader.begin(MOST)
    try:
        for portion in portions:
            reply = reader.feed(portion)
            if reply is not None:
                return reply
        return reader.end()
    except (ReplyGarbled, ReplyTooLarge) as exc:
        return type(exc)


BYTES = st.lists(PIECES | st.binary(max_size=8), max_size=12).map(b"".join)


@given(BYTES, st.lists(st.integers(1, 40), max_size=12))
def test_any_bytes_in_any_portions(data, sizes):
    """A reply, an error of ours, or none: and the same, wherever the portions end."""
    portions, at = [], 0
    for size in sizes:
        portions.append(data[at : at + size])
        at += size
    portions.append(data[at:])
    whole = [data] if data else []

    assert _outcome([one for one in portions if one], Heads()) == _outcome(whole, Heads())


@given(BYTES, BYTES, BYTES)
def test_any_bytes_whatever_was_read_before(beginning, earlier, later):
    """What was learned from a reply changes nothing about another one that begins alike."""
    heads = Heads()
    for one in (beginning + earlier, OK + b"content-length: 4\r\n" + beginning + earlier):
        _outcome([one], heads)
    for one in (beginning + later, OK + b"content-length: 4\r\n" + beginning + later):
        assert _outcome([one], heads) == _outcome([one], Heads())
