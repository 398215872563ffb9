"""A caller's connection, by real sockets: what comes whole takes the short way, and nobody can tell by the answers."""

import asyncio
import contextlib
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homegraph.server import doors
from homegraph.server.doors import answering
from homegraph.server.process import loop_factory
from homegraph.web import bounded, caller
from homegraph.web.exchange import answer, read_body
from homegraph.web.unread_body import deliver_unread
from homegraph.wire.status import OK_HEADERS

WAIT_SECONDS = 10.0
SHORT = b"short:"
USUAL = b"usual:"


class Echo:
    """Answers with the body that it got, and with the way on which it came."""

    http = "POST"

    def __init__(self):
        self.heads = []
        self.scopes = []
        self.begun = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer_whole(self, head, body, tell):
        self.heads.append(head)
        self.begun.set()
        await self.may_answer.wait()
        if body == b"bad":
            tell(400, [*OK_HEADERS, (b"x-told", b"yes")], b"refused", body == b"last")
        else:
            tell(200, OK_HEADERS, SHORT + body, body == b"last")

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        self.begun.set()
        body = await read_body(receive, None, 1_000_000)
        await answer(send, 200, OK_HEADERS, USUAL + body)


def serve(talk, echo=None):
    """Have ``talk(echo, connect, door)`` talk to a server; what it returns."""

    async def main(echo):
        listening = socket.create_server(("127.0.0.1", 0))
        where = listening.getsockname()
        async with (
            asyncio.timeout(WAIT_SECONDS),
            answering(
                deliver_unread(echo), listening, grace_seconds=5, posted={b"/whole": echo}
            ) as door,
        ):
            return await talk(echo, lambda: asyncio.open_connection(*where), door)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:  # the loop of a real server
        return runner.run(main(echo or Echo()))


def ask(*requests):
    """Send requests in one go; all that comes until the server closes the connection, taken apart."""
    return ask_each([b"".join(requests)])[0]


def ask_each(*talks):
    """The same for several connections, on each of which one piece after the other is sent."""

    async def talk(_echo, connect, _door):
        answers = []
        for pieces in talks:
            reader, writer = await connect()
            for piece in pieces:
                writer.write(piece)
                await turn()
            answers.append(taken_apart(await reader.read()))
            writer.close()
        return answers

    return serve(talk)


def post(body, *lines, path=b"/whole", method=b"POST", version=b"1.1"):
    """A request."""
    length = b"content-length: %d" % len(body)
    head = [b"%b %b HTTP/%b" % (method, path, version), b"host: h", *lines, length, b"", b""]
    return b"\r\n".join(head) + body


LAST = post(b"end", b"connection: close")


def taken_apart(come):
    """Answers, each as its status line, its headers (a set, without the date) and its body."""
    answers = []
    while come:
        head, _, come = come.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = {line for line in lines if not line.startswith(b"date: ")}
        length = next(int(h[16:]) for h in headers if h.startswith(b"content-length: "))
        answers.append((status, headers, come[:length]))
        come = come[length:]
    return answers


async def one_answer(reader):
    """The body of the next answer."""
    head = b"HTTP/1.1 100"
    while head.startswith(b"HTTP/1.1 100"):
        head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(h[16:]) for h in head.split(b"\r\n") if h.startswith(b"content-length: "))
    return await reader.readexactly(length)


def test_both_ways_look_the_same():
    """Status, headers and body, in one order; a date is always there."""

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        heads = []
        for path in (b"/whole", b"/other"):
            writer.write(post(b"one", path=path))
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(9)
        writer.close()
        return heads

    first, second = (head.split(b"\r\n") for head in serve(talk))

    def names(lines):
        return sorted(line.partition(b":")[0] for line in lines)

    assert first[0] == second[0] == b"HTTP/1.1 200 OK"
    assert names(first) == names(second)
    assert b"date" in names(first)
    assert set(first) ^ set(second) <= {line for line in first + second if b"date" in line}


@pytest.mark.parametrize(
    ("request_bytes", "way"),
    [
        (post(b"x"), SHORT),
        (post(b"x", path=b"/whole?key=A&fields=b"), SHORT),
        (post(b""), SHORT),
        (post(b"x", b"transfer-encoding: chunked").replace(b"content-length: 1\r\n", b"").replace(
            b"\r\n\r\nx", b"\r\n\r\n1\r\nx\r\n0\r\n\r\n"), SHORT),
        (post(b"x", path=b"/whole/"), USUAL),
        (post(b"x", path=b"/%77hole"), USUAL),
        (post(b"x", path=b"/whole#a"), USUAL),
        (post(b"x", path=b"/whole?a#b"), USUAL),
        (post(b"x", path=b"http://h/whole"), USUAL),
        (post(b"x", method=b"PUT"), USUAL),
        (post(b"x", b"expect: 100-continue"), USUAL),
        (post(b"x", b"upgrade: h2c", b"connection: upgrade"), SHORT),
        (post(b"x", version=b"1.0"), USUAL),
        (LAST, USUAL),
    ],
    ids=["plain", "query", "empty", "chunked", "path", "escaped", "fragment", "fragment-in-query", "absolute", "method",
         "expect", "upgrade", "HTTP/1.0", "close"],
)  # fmt: skip
def test_what_is_out_of_the_ordinary_takes_the_usual_way(request_bytes, way):
    """And is answered all the same."""

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        writer.write(request_bytes)
        body = await one_answer(reader)
        writer.close()
        return body

    assert serve(talk).startswith(way)


@pytest.mark.parametrize(
    "last", [post(b"four!", version=b"1.0"), post(b"four!", b"connection: close")]
)
def test_pipelined_calls_are_answered_in_order(last):
    """Each answer has its own body, none is lost or mixed; then the connection ends as it must."""
    answers = ask(post(b"1"), post(b"22", path=b"/other"), post(b"bad"), last)

    assert [body.partition(b":")[2] or body for _, _, body in answers] == [
        b"1", b"22", b"bad", b"four!",
    ]  # fmt: skip


def test_the_head_is_told_as_it_came():
    """Path, query, address and the headers that mean something; of a repeated one the first."""

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        lines = (b"Authorization: Bearer a", b"AUTHORIZATION: Bearer b", b"X-Goog-Api-Key: k")
        writer.write(post(b"x", *lines, path=b"/whole?a=%41"))
        await one_answer(reader)
        writer.close()
        return echo.heads

    [head] = serve(talk)

    assert (head.path, head.query, head.address) == (b"/whole", b"a=%41", "127.0.0.1")
    assert (head.authorization, head.api_key, head.content_length) == (b"Bearer a", b"k", b"1")
    assert "Bearer" not in repr(head)
    assert "%41" not in repr(head)


def test_a_refusal_has_its_own_status_and_headers():
    """Whatever was told is sent, and the connection goes on."""

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        writer.write(post(b"bad"))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(7)
        writer.write(post(b"next"))
        after = await one_answer(reader)
        writer.close()
        return head, body, after

    head, body, after = serve(talk)

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"x-told: yes\r\n" in head
    assert (body, after) == (b"refused", SHORT + b"next")


def test_an_answer_that_is_the_last_ends_the_connection():
    """It says so."""
    [(_, headers, body)] = ask(post(b"last"))

    assert b"connection: close" in headers
    assert body == SHORT + b"last"


def test_a_head_that_was_read_before_means_the_same_again():
    """With another body of the same length; and what differs from it is read as if there had been none."""
    requests = [
        post(b"one"), post(b"two"), post(b"longer"), post(b"six"), post(b"one", path=b"/other"), post(b"ten"),
        post(b"bad"), post(b"two", b"authorization: Bearer x"), post(b"end"),
    ]  # fmt: skip

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        bodies = []
        for request in requests:
            writer.write(request)
            bodies.append(await one_answer(reader))
        writer.close()
        return bodies, [head.authorization for head in echo.heads]

    bodies, shown = serve(talk)

    assert bodies == [
        b"short:one", b"short:two", b"short:longer", b"short:six", b"usual:one", b"short:ten",
        b"refused", b"short:two", b"short:end",
    ]  # fmt: skip
    assert shown == [None] * 6 + [b"Bearer x", None]


def test_a_body_that_looks_like_a_call_is_a_body():
    """Even if the very call came before on the connection, and whether it arrives with its head or after it."""
    inner = post(b"one")

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        head, _, _ = post(inner).partition(inner)
        bodies = []
        for parts in ((inner,), (head, inner), (post(inner),), (inner,)):
            for part in parts:
                writer.write(part)
                await one_turn_of_the_server(connect)
            bodies.append(await one_answer(reader))
        writer.close()
        return bodies

    assert serve(talk) == [SHORT + body for body in (b"one", inner, inner, b"one")]


def test_calls_that_come_together_are_told_apart():
    """Also where their head was read before."""

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        bodies = []
        for together in ((b"one",), (b"two", b"six"), (b"ten",)):
            writer.write(b"".join(map(post, together)))
            bodies += [await one_answer(reader) for _ in together]
        writer.close()
        return bodies

    assert serve(talk) == [b"short:one", b"short:two", b"usual:six", b"short:ten"]


def test_a_call_that_comes_while_one_is_answered_waits():
    """Also where its head was read before: answers stay in the order of the calls."""

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        writer.write(post(b"one"))
        bodies = [await one_answer(reader)]
        echo.may_answer.clear()
        for body in (b"two", b"six"):
            writer.write(post(body))
            await one_turn_of_the_server(connect, b"/other")
        begun = len(echo.heads)
        echo.may_answer.set()
        bodies += [await one_answer(reader) for _ in range(2)]
        writer.close()
        return begun, bodies

    assert serve(talk) == (2, [b"short:one", b"short:two", b"usual:six"])


@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (1, False)])
def test_a_head_is_kept_up_to_a_bound(more, is_kept):
    """What the parser made of it serves the next call, too; a longer head, of which there could be one for each caller, is read anew."""
    room = caller.REMEMBERED_BYTES - (len(post(b"one", b"x-pad: ")) - len(b"one"))
    whole = post(b"one", b"x-pad: " + b"x" * (room + more))

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        for _ in range(2):
            writer.write(whole)
            await one_answer(reader)
        writer.close()
        return echo.heads

    first, second = serve(talk)

    assert (first is second) is is_kept


def test_the_end_of_a_head_is_no_head():
    """A call that came in two pieces is not remembered by the second one."""
    whole = post(b"one")

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        for part in (whole[:-6], whole[-6:]):
            writer.write(part)
            await one_turn_of_the_server(connect)
        first = await one_answer(reader)
        writer.write(whole[-6:])
        come = await reader.read()
        writer.close()
        return first, come

    first, come = serve(talk)

    assert first == SHORT + b"one"
    assert come.startswith(b"HTTP/1.1 400 ")


TALKS = st.lists(
    st.tuples(
        st.lists(
            st.builds(
                post,
                st.sampled_from([b"", b"a", b"b", b"cc", b"bad", b"POST /whole HTTP/1.1\r\n\r\n"]),
                path=st.sampled_from([b"/whole", b"/whole?k", b"/other"]),
            ),
            min_size=1,
            max_size=6,
        ),
        st.lists(st.integers(1, 90), max_size=30),
    ),
    min_size=10,
    max_size=30,
)
"""Requests of several callers, and in what portions each sends his."""


@settings(max_examples=8)
@given(TALKS)
def test_however_the_bytes_arrive_each_request_has_its_answer(talks):
    """Cut anywhere, one by one or together: as many answers as requests, in order, each with its own body."""

    async def send(connect, requests, sizes):
        reader, writer = await connect()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = b"".join(requests)
        for size in sizes:
            writer.write(stream[:size])
            stream = stream[size:]
            await turn()
        writer.write(stream)
        bodies = [await one_answer(reader) for _ in requests]
        writer.close()
        return bodies

    async def talk(_echo, connect, _door):
        return await asyncio.gather(*(send(connect, *one) for one in talks))

    for (requests, _), bodies in zip(talks, serve(talk), strict=True):
        sent = [request.partition(b"\r\n\r\n")[2] for request in requests]
        came = [body.removeprefix(SHORT).removeprefix(USUAL) for body in bodies]
        assert [b"bad" if body == b"refused" else body for body in came] == sent


# --- what does not come in one piece ---------------------------------------------------------------------------------


def test_head_and_body_may_come_apart():
    """Many clients send them so; it is the short way still."""

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = post(b"apart")
        for part in (whole[:10], whole[10:-5], whole[-5:-2], whole[-2:]):
            writer.write(part)
            await one_turn_of_the_server(connect)
        body = await one_answer(reader)
        writer.close()
        return body

    assert serve(talk) == SHORT + b"apart"


async def turn():
    """The loop, which is the server's, too, goes round once."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_soon(over.set)
    await over.wait()


async def one_turn_of_the_server(connect, path=b"/whole"):
    """By now the server has read what was sent before: another connection is answered."""
    reader, writer = await connect()
    writer.write(post(b"", path=path))
    await one_answer(reader)
    writer.close()


def test_a_body_that_stays_out_is_waited_for_on_the_usual_way(monkeypatch):
    """The call begins there after a moment, so that credentials are looked at; what comes later belongs to it."""
    monkeypatch.setattr(caller, "SHORT_BODY_SECONDS", 0.1)

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        whole = post(b"at last", path=b"/whole?query")
        for part in (whole[:-5], whole[-5:]):
            writer.write(part)
            await one_turn_of_the_server(connect)
        assert await one_answer(reader) == SHORT + b"at last"
        echo.begun.clear()
        writer.write(whole[:-5])
        await echo.begun.wait()
        writer.write(whole[-5:])
        body = await one_answer(reader)
        writer.write(post(b"next"))
        after = await one_answer(reader)
        writer.close()
        [scope] = echo.scopes
        return body, after, scope["query_string"], scope["headers"]

    assert serve(talk) == (
        USUAL + b"at last",
        SHORT + b"next",
        b"query",
        [(b"host", b"h"), (b"content-length", b"7")],
    )


@pytest.mark.parametrize("lines", [(b"transfer-encoding: chunked",), (b"content-length: 20000",)])
def test_a_body_of_unknown_or_great_length_is_not_waited_for(monkeypatch, lines):
    """It goes the usual way at once."""
    monkeypatch.setattr(caller, "SHORT_BODY_SECONDS", WAIT_SECONDS * 2)

    async def talk(echo, connect, _door):
        _, writer = await connect()
        writer.write(b"\r\n".join((b"POST /whole HTTP/1.1", b"host: h", *lines, b"", b"")))
        await echo.begun.wait()
        writer.close()
        return echo.heads

    assert serve(talk) == []


BROKEN = b"\r\n".join(
    (b"POST /other HTTP/1.1", b"host: h", b"transfer-encoding: chunked", b"", b"no length", b"")
)


@pytest.mark.parametrize(
    "wrong",
    [b"\0 garbage\r\n\r\n", b"GET \x7f HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", BROKEN],
    ids=["garbage", "URL", "CONNECT", "chunk"],
)
def test_what_is_no_http_is_refused_after_the_answers_before_it(wrong):
    """Each request gets its answer, in order, whatever comes behind it; and there the connection ends."""
    befores = ([], [b"one"], [b"one", b"two"])
    for before, answers in zip(
        befores,
        ask_each(*([b"".join((*map(post, before), wrong, post(b"never")))] for before in befores)),
        strict=True,
    ):
        assert [body.partition(b":")[2] for _, _, body in answers[:-1]] == before
        status, headers, body = answers[-1]
        assert (status, body) == (b"HTTP/1.1 400 Bad Request", b"Invalid HTTP request received.")
        assert b"connection: close" in headers


# --- bounds ----------------------------------------------------------------------------------------------------------


CHUNKED = b"POST /other HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /", b"a" * 100),
        (b"GET / HTTP/1.1\r\nhost: h\r\nx: ", b"a" * 100),
        (b"GET / HTTP/1.1\r\nhost: h\r\n", b"a" * 100),
        (b"GET / HTTP/1.1\r\nhost: h\r\n", b"a: b\r\n"),
        (CHUNKED + b"1;", b"a" * 100),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"a: b\r\n"),
    ],
    ids=["path", "value", "name", "headers", "chunk extension", "trailers"],
)
def test_what_is_no_body_has_a_bound(begin, more):
    """Whoever sends a head without an end is told so, and is not listened to any more; in one go and in pieces."""
    filler = more * (3 * bounded.HEAD_BYTES_MAX // len(more))
    pieces = [filler[at : at + 5000] for at in range(0, len(filler), 5000)]

    for [(status, headers, body)] in ask_each([begin + filler], [begin, *pieces]):
        assert status == b"HTTP/1.1 431 Request Header Fields Too Large"
        assert b"connection: close" in headers
        assert body == b"There are more than 65536 bytes around the body."


def test_a_head_as_large_as_the_bound_is_read_and_a_body_may_be_larger():
    """The bound is to the byte, and what was read of one message does not count for the next."""
    bare = len(post(b"", b"x: ", path=b"/other"))
    head = post(b"", b"x: " + b"a" * (bounded.HEAD_BYTES_MAX - bare), path=b"/other")
    large = b"b" * (4 * bounded.HEAD_BYTES_MAX)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(large), large) for _ in range(2))

    answers = ask(head, head, post(large), CHUNKED, chunks + b"0\r\n\r\n", LAST)

    assert [status for status, _, _ in answers] == [b"HTTP/1.1 200 OK"] * 5
    assert [len(body) - len(USUAL) for _, _, body in answers[:4]] == [0, 0, len(large), 2 * len(large)]  # fmt: skip


def test_a_trailer_is_no_header():
    """A proxy that lets through no credential but its own must be able to rely on that, on either way."""
    trailed = b"1\r\nx\r\n0\r\nAuthorization: Bearer stranger\r\n\r\n"

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        for path in (b"/whole", b"/other"):
            writer.write(CHUNKED.replace(b"/other", path) + trailed)
            assert (await one_answer(reader)).endswith(b":x")
        writer.close()
        [head], [scope] = echo.heads, echo.scopes
        return head.authorization, [name for name, _ in scope["headers"]]

    assert serve(talk) == (None, [b"host", b"transfer-encoding"])


@pytest.mark.parametrize(
    "wish",
    [
        (b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQ"),
        (b"connection: upgrade", b"Upgrade: websocket", b"upgrade: foo"),
    ],
    ids=["h2c", "others"],
)
def test_the_body_of_a_call_that_asks_for_an_upgrade_is_its_body(wish):
    """As Java's client sends them. Nothing in it is taken for a call, on whatever way and in whatever pieces it comes."""
    inner = post(b"stolen")

    async def talk(_echo, connect, _door):
        reader, writer = await connect()
        bodies = []
        for path in (b"/whole", b"/other", b"/whole"):
            head, _, _ = post(inner, *wish, path=path).partition(inner)
            for parts in ((head, inner), (head + inner,)):
                for part in parts:
                    writer.write(part)
                    await one_turn_of_the_server(connect)
                bodies.append((await one_answer(reader)).partition(b":")[2])
        writer.write(LAST)
        bodies.append((await one_answer(reader)).partition(b":")[2])
        come = await reader.read()
        writer.close()
        return bodies, come

    assert serve(talk) == ([inner] * 6 + [b"end"], b"")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"", []),
        (b"POST /whole", [b"HTTP/1.1 408 Request Timeout"]),
        (post(b"one") + b"POST /", [b"HTTP/1.1 200 OK", b"HTTP/1.1 408 Request Timeout"]),
    ],
    ids=["nothing", "a part", "a part of the second"],
)
def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch, sent, told):
    """Connections are few, and a stranger must not be able to keep them all."""
    monkeypatch.setattr(bounded, "HEAD_SECONDS_MAX", 0.05)

    assert [status for status, _, _ in ask(sent)] == told


def test_a_call_that_takes_longer_than_a_head_may_is_answered(monkeypatch):
    """Also while a part of the next head has been here for long. The second connection is the clock of the first."""
    monkeypatch.setattr(bounded, "HEAD_SECONDS_MAX", 0.05)

    async def talk(echo, connect, _door):
        echo.may_answer.clear()
        reader, writer = await connect()
        writer.write(post(b"one") + b"POST /")
        for _ in range(3):
            other, other_writer = await connect()
            assert await other.read() == b""
            other_writer.close()
        echo.may_answer.set()
        body = await one_answer(reader)
        rest = await reader.read()
        writer.close()
        return body, rest.partition(b"\r\n")[0]

    assert serve(talk) == (SHORT + b"one", b"HTTP/1.1 408 Request Timeout")


LARGE = 32 * 1024 * 1024
"""More than a socket takes by itself."""


class Generous(Echo):
    """Answers at length."""

    async def __call__(self, scope, receive, send):
        await answer(send, 200, OK_HEADERS, b"x" * LARGE)


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch, caplog):
    """And with it the connection, whatever else was asked on it; he who reads, however slowly, gets all of it."""

    async def talk(_echo, connect, door):
        reader, writer = await connect()
        writer.write(post(b"", path=b"/other"))
        head = await reader.readuntil(b"\r\n\r\n")
        [connection] = door.server_state.connections
        left = LARGE
        while left > LARGE // 2:
            left -= len(await reader.read(LARGE))
        connection.unread_handler()  # a part was read since the answer was given
        is_kept = not connection.transport.is_closing()
        while connection.transport.get_write_buffer_size():
            left -= len(await reader.read(LARGE))
        left -= len(await reader.readexactly(left))
        writer.close()

        monkeypatch.setattr(bounded, "UNREAD_SECONDS_MAX", 0.05)
        reader, writer = await connect()
        writer.write(post(b"", path=b"/other") * 3)
        while door.server_state.connections:
            await turn()
        writer.close()
        return head.partition(b"\r\n")[0], is_kept, left

    assert serve(talk, Generous()) == (b"HTTP/1.1 200 OK", True, 0)
    assert caplog.messages == []


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_caller_who_leaves_at_once_is_heard():
    """The call is carried out, though nobody waits for its answer."""

    async def talk(echo, connect, _door):
        _, writer = await connect()
        writer.write(post(b"gone"))
        writer.close()
        await echo.begun.wait()
        await one_turn_of_the_server(connect)
        return [head.content_length for head in echo.heads]

    assert serve(talk) == [b"4", b"0"]


def test_a_server_that_stops_waits_for_a_call_whose_caller_has_left():
    """It is among the work that uvicorn looks after from then on."""

    async def talk(echo, connect, door):
        echo.may_answer.clear()
        _, writer = await connect()
        writer.write(post(b"gone"))
        await echo.begun.wait()
        before = len(door.server_state.tasks)
        writer.close()
        while door.server_state.connections:
            await turn()
        left = len(door.server_state.tasks)
        echo.may_answer.set()
        while door.server_state.tasks:
            await turn()
        return before, left

    assert serve(talk) == (0, 1)


def test_a_call_under_way_is_answered_when_the_server_stops():
    """With the word that the connection ends; then it does."""

    async def talk(echo, connect, door):
        echo.may_answer.clear()
        reader, writer = await connect()
        writer.write(post(b"mine"))
        await echo.begun.wait()
        door.close()
        await until_closing(connect)
        echo.may_answer.set()
        come = await reader.read()
        writer.close()
        return taken_apart(come)

    [(_, headers, body)] = serve(talk)

    assert b"connection: close" in headers
    assert body == SHORT + b"mine"


async def until_closing(connect):
    """Wait until nobody is accepted any more: connections that idle are closed in the same step."""
    with contextlib.suppress(OSError):
        while True:
            reader, writer = await connect()
            await reader.read()
            writer.close()


def test_a_connection_that_rests_is_closed_and_one_that_works_is_not(monkeypatch):
    """Rest is counted from the last answer. The second connection is the clock of the first."""
    monkeypatch.setattr(doors, "KEEP_ALIVE_SECONDS", 0.05)

    async def talk(echo, connect, _door):
        reader, writer = await connect()
        writer.write(post(b"first"))
        await one_answer(reader)
        echo.may_answer.clear()
        writer.write(post(b"second"))
        for _ in range(3):
            await rested(connect)
        echo.may_answer.set()
        body = await one_answer(reader)
        ended = await reader.read()
        writer.close()
        return body, ended

    assert serve(talk) == (SHORT + b"second", b"")


async def rested(connect):
    """A connection answered once (the usual way, for the short one is held), until the server closes it."""
    reader, writer = await connect()
    writer.write(post(b"", path=b"/other"))
    await one_answer(reader)
    assert await reader.read() == b""
    writer.close()


def test_a_body_may_come_in_one_message_that_says_no_more():
    """ASGI leaves ``more_body`` out where there is none."""
    messages = [{"type": "http.request", "body": b"whole"}]

    async def receive():
        return messages.pop()

    assert asyncio.run(read_body(receive, None, 5)) == b"whole"
