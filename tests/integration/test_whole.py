"""Answers that go out in one piece, by real sockets: a caller sees the same, whichever way uvicorn was asked to send."""

import asyncio
import contextlib
import socket

import pytest
import uvicorn

from homegraph.web.exchange import answer, read_body
from homegraph.web.unread_body import deliver_unread

WAIT_SECONDS = 10.0
HEADERS = ((b"content-type", b"application/json"), (b"server", b"ESF"))


class Door(uvicorn.Server):
    """uvicorn without its signal handlers: those are pytest's."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


def ask(app, request):
    """Serve ``app`` and send one or more requests in one go; all that comes until the server closes the connection."""

    async def main():
        config = uvicorn.Config(
            deliver_unread(app),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        door = Door(config)
        listening = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(door.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                reader, writer = await asyncio.open_connection(*listening.getsockname())
                writer.write(request)
                come = await reader.read()
                writer.close()
                return come
        finally:
            door.should_exit = True
            await serving

    return asyncio.run(main())


def post(body, *, method=b"POST", version=b"1.1", close=False):
    """A request."""
    last = b"connection: close\r\n" if close else b""
    length = b"content-length: %d\r\n" % len(body)
    return b"%b / HTTP/%b\r\nhost: h\r\n%b%b\r\n%b" % (method, version, last, length, body)


async def echo(scope, receive, send):
    """Answers with the body that it got."""
    await answer(send, 200, HEADERS, await read_body(receive, None, 1_000))


def taken_apart(come):
    """Answers, each as its status line, its headers (a set, without the date) and its body."""
    answers = []
    while come:
        head, _, come = come.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = {line for line in lines if not line.startswith(b"date: ")}
        assert len(headers) == len(lines) - 1  # a date is always there
        length = next(int(h[16:]) for h in headers if h.startswith(b"content-length: "))
        answers.append((status, headers, come[:length]))
        come = come[length:]
    return answers


def test_both_ways_look_the_same():
    """The first answer goes out whole; the second, on a connection to be closed, as uvicorn has it."""
    first, second = taken_apart(ask(echo, post(b"one") + post(b"two", close=True)))

    assert first == (
        b"HTTP/1.1 200 OK",
        {b"content-type: application/json", b"server: ESF", b"content-length: 3"},
        b"one",
    )
    assert second == (first[0], first[1] | {b"connection: close"}, b"two")


@pytest.mark.parametrize(
    "last",
    [post(b"four!", version=b"1.0"), post(b"four!", close=True)],
    ids=["HTTP/1.0", "connection: close"],
)
def test_pipelined_calls_are_answered_in_order(last):
    """Each answer has its own body, none is lost or mixed; then the connection ends as it must."""
    come = ask(echo, post(b"1") + post(b"22") + post(b"333") + last)

    assert [body for _, _, body in taken_apart(come)] == [b"1", b"22", b"333", b"four!"]


def test_an_empty_body_is_a_body():
    """Nothing arrived, and nothing more will: the call is answered."""
    first, _ = taken_apart(ask(echo, post(b"") + post(b"end", close=True)))

    assert first[2] == b""


def test_an_answer_to_head_has_no_body():
    """Its length is that of the body which is not sent."""

    async def page(scope, receive, send):
        await answer(send, 200, HEADERS, b"a page")

    come = ask(page, post(b"", method=b"HEAD") + post(b"", method=b"HEAD", close=True))

    assert come.count(b"content-length: 6\r\n") == 2
    assert b"a page" not in come


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
def test_a_header_that_would_end_early_is_never_sent(value):
    """It is uvicorn's business, which breaks the connection off."""

    async def careless(scope, receive, send):
        await answer(send, 200, [(b"x-told", value)], b"told")

    assert ask(careless, post(b"x")) == b""


def test_a_body_is_read_once():
    """Who receives after the body was read waits for the caller's leaving."""
    received = []

    async def curious(scope, receive, send):
        received.append(await read_body(receive, None, 1_000))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await receive()
        await answer(send, 200, HEADERS, b"")

    ask(curious, post(b"once") + post(b"twice", close=True))

    assert received == [b"once", b"twice"]
