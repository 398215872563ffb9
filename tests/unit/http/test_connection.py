"""One connection: requests leave at the end of the loop's turn, and only what comes after that is an answer."""

import asyncio
import socket
from contextlib import closing

import pytest
import uvloop

from homegraph.errors import FulfillmentTimeout, FulfillmentUnreachable
from homegraph.http.pool import Pool

REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
WAIT_SECONDS = 20.0


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request):
    """A loop of either kind: the client is used in both."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


async def connected():
    """A connection, and the socket at its other end."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _, connection = await loop.create_connection(Pool(loop).connection, sock=ours)
    return connection, theirs


def exchange(connection):
    """Begin an exchange."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    return asyncio.create_task(
        connection.exchange(
            REQUEST, reply_max_bytes=100, seconds_max=WAIT_SECONDS, deadline=deadline
        )
    )


def test_an_exchange(runner):
    """A request, its reply, and the connection is good for another one."""

    async def story():
        connection, peer = await connected()
        with closing(peer):
            for _ in range(2):
                calling = exchange(connection)
                assert await asyncio.get_running_loop().sock_recv(peer, 100) == REQUEST
                peer.send(OK)
                assert (await calling).body == b"{}"
                assert connection.is_usable
            connection.abort()

    runner.run(story())


def test_what_comes_before_the_request_has_left_is_no_answer(runner):
    """It was not asked for. The call is not answered with it, and may be made again: nobody has heard of it."""

    async def story():
        connection, peer = await connected()
        with closing(peer):
            calling = exchange(connection)
            # The turn in which the request is written is the one in which the loop finds these bytes.
            connection.get_buffer(-1)[: len(OK)] = OK
            asyncio.get_running_loop().call_soon(connection.buffer_updated, len(OK))
            with pytest.raises(FulfillmentUnreachable, match="before it was asked"):
                await calling
            assert not connection.has_heard
            assert not connection.is_usable
            assert await asyncio.get_running_loop().sock_recv(peer, 100) == b""

    runner.run(story())


def test_a_connection_that_is_aborted_before_the_request_has_left(runner):
    """The call ends, and the other side never hears of it."""

    async def story():
        connection, peer = await connected()
        with closing(peer):
            calling = exchange(connection)
            asyncio.get_running_loop().call_soon(connection.abort)
            with pytest.raises(FulfillmentUnreachable):
                await calling
            assert await asyncio.get_running_loop().sock_recv(peer, 100) == b""

    runner.run(story())


def test_a_connection_that_closes_before_the_request_has_left(runner):
    """An idle one that the other side has closed: told as such at once, not after the time of the call."""

    async def story():
        connection, peer = await connected()
        peer.close()
        with pytest.raises(FulfillmentUnreachable):
            await exchange(connection)
        assert not connection.has_heard

    runner.run(story())


@pytest.mark.parametrize(
    ("said", "told"), [(b"", "without an answer"), (OK[:20], "before the answer was whole")]
)
def test_a_connection_that_is_closed_on_a_call(runner, said, told):
    """Whether anything was said at all is the first thing that somebody wants to know who looks for the mistake."""

    async def story():
        connection, peer = await connected()
        calling = exchange(connection)
        assert await asyncio.get_running_loop().sock_recv(peer, 100) == REQUEST
        if said:
            peer.send(said)
        peer.close()
        with pytest.raises(FulfillmentUnreachable, match=told):
            await calling

    runner.run(story())


@pytest.mark.parametrize(("said", "more"), [(b"", ""), (OK[:20], " A part of it had come.")])
def test_an_exchange_that_is_late(runner, said, more):
    """A part that came tells a length that is too high, or a slow answer, from a server that does nothing."""

    async def story():
        connection, peer = await connected()
        with closing(peer):
            calling = exchange(connection)
            assert await asyncio.get_running_loop().sock_recv(peer, 100) == REQUEST
            if said:
                connection.get_buffer(-1)[: len(said)] = said
                connection.buffer_updated(len(said))
            connection.late()
            with pytest.raises(FulfillmentTimeout) as caught:
                await calling
            assert caught.value.message == f"No complete answer within 20 s.{more}"

    runner.run(story())
