"""What is sent, what comes back, and whatever a stranger answers harms nobody: real sockets, in both loops."""

import asyncio
import socket
import struct

import pytest

from homegraph.errors import (
    FulfillmentRefused,
    FulfillmentTimeout,
    FulfillmentUnreachable,
    ReplyGarbled,
    ReplyTooLarge,
)
from homegraph.http.pool import IDLE_PER_PLACE_MAX, IDLE_SECONDS
from support.raw_server import a_peer
from support.transport import OK, calling, project

# --- what is sent, and what comes back -----------------------------------------------------------------------


def test_what_is_sent(run):
    """One POST: path and query, Host, headers, length, body. Nothing that was not asked for."""

    async def story():
        async with a_peer(OK) as peer, calling() as post:
            url = f"http://localhost:{peer.port}/smart/home?a=b"
            reply = await post(url, headers=(("authorization", "Bearer x"),), body=b'{"a":1}')
            return reply, peer

    reply, peer = run(story())

    assert (reply.status, reply.headers, reply.body) == (200, {"content-length": "2"}, b"{}")
    assert peer.requests == [
        b"POST /smart/home?a=b HTTP/1.1\r\nhost: localhost:%d\r\nauthorization: Bearer x\r\n"
        b'content-length: 7\r\n\r\n{"a":1}' % peer.port
    ]


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0b", "a\tb", "ä", "\x7f"])
def test_a_token_cannot_add_a_header(run, value):
    """A value that would end its line, or that no header can carry, is not sent."""

    async def story():
        async with a_peer(OK) as peer, calling() as post:
            with pytest.raises(FulfillmentRefused) as caught:
                await post(f"http://127.0.0.1:{peer.port}/", headers=(("authorization", value),))
            return peer.connections, caught.value.message

    connections, message = run(story())

    assert connections == 0
    assert "authorization" in message
    assert value not in message


def test_a_connection_is_used_again(run):
    """One after the other on one connection; several at once on several."""

    async def story():
        async with a_peer(OK) as peer, calling() as post:
            url = f"http://127.0.0.1:{peer.port}/"
            for _ in range(3):
                await post(url)
            one = peer.connections
            await asyncio.gather(*(post(url) for _ in range(5)))
            return one, peer.connections, len(peer.requests)

    assert run(story()) == (1, 5, 8)


ENDS = {
    "close": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
    "http-1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    "another-answer": OK + OK,
    "rubbish": OK + b"\0",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_connection_that_is_not_used_again(run, name):
    """The answer says so, or something follows it that was not asked for: that must not answer the next call."""

    async def story():
        async with a_peer(ENDS[name], OK) as peer, calling() as post:
            url = f"http://127.0.0.1:{peer.port}/"
            bodies = [(await post(url)).body for _ in range(2)]
            return bodies, peer.connections

    assert run(story()) == ([b"{}", b"{}"], 2)


def test_an_answer_that_ends_with_the_connection(run):
    """HTTP/1.0 as it was: no length, the end is the end."""

    async def said(_, writer):
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        writer.close()

    async def story():
        async with a_peer(said) as peer, calling() as post:
            return (await post(f"http://127.0.0.1:{peer.port}/")).body

    assert run(story()) == b"all of it"


def test_bytes_on_an_idle_connection(run):
    """What comes without having been asked for closes the connection; the next call has one of its own."""
    nudge = asyncio.Event()

    async def said(reader, writer):
        writer.write(OK)
        await nudge.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await reader.read()  # until it is closed

    async def story():
        async with a_peer(said, OK) as peer, calling() as post:
            url = f"http://127.0.0.1:{peer.port}/"
            await post(url)
            nudge.set()
            async with asyncio.timeout(IDLE_SECONDS / 2):  # at once, not for its age
                await peer.closed.wait()
            return (await post(url)).body, peer.connections

    assert run(story()) == (b"{}", 2)


def test_an_answer_before_the_request_was_read(run):
    """What is left of the request would be the beginning of the next one: the connection is not used again."""
    done = asyncio.Event()
    connections = []

    async def hasty(reader, writer):
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await done.wait()
        writer.close()

    async def story():
        server = await asyncio.start_server(hasty, "127.0.0.1", 0, limit=1_024)
        async with server, calling() as post:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            for _ in range(2):
                await post(url, body=b"x" * 20_000_000)
            done.set()

    run(story())

    assert len(connections) == 2


async def _hang_up(_, writer):
    """Break the connection without an answer."""
    socket_ = writer.get_extra_info("socket")
    socket_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize(("repeatable", "requests"), [(True, 3), (False, 2)])
def test_a_connection_that_breaks_under_a_request(run, repeatable, requests):
    """An idle one that breaks before an answer: what only asks is sent again, once; what does something is not."""

    async def story():
        async with a_peer(OK, _hang_up, OK) as peer, calling() as post:
            url = f"http://127.0.0.1:{peer.port}/"
            await post(url)
            outcome = await asyncio.gather(post(url, repeatable=repeatable), return_exceptions=True)
            return outcome[0], len(peer.requests)

    outcome, seen = run(story())

    assert seen == requests
    assert isinstance(outcome, FulfillmentUnreachable) is not repeatable


def test_nothing_is_sent_again_without_end(run):
    """A new connection that breaks, and one that breaks within the answer, are told at once."""

    async def half(_, writer):
        writer.write(OK[:-1])
        writer.close()

    async def story():
        async with a_peer(_hang_up) as dead, a_peer(OK, half) as cut, calling() as post:
            with pytest.raises(FulfillmentUnreachable):
                await post(f"http://127.0.0.1:{dead.port}/", repeatable=True)
            await post(f"http://127.0.0.1:{cut.port}/")
            with pytest.raises(FulfillmentUnreachable):
                await post(f"http://127.0.0.1:{cut.port}/", repeatable=True)
            return len(dead.requests), len(cut.requests)

    assert run(story()) == (1, 2)


def test_idle_connections_are_bounded(run):
    """No more are kept to one place than the bound."""

    async def story():
        async with a_peer(OK) as peer, calling(each_max=IDLE_PER_PLACE_MAX + 9) as post:
            url = f"http://127.0.0.1:{peer.port}/"
            for _ in range(2):
                await asyncio.gather(*(post(url) for _ in range(IDLE_PER_PLACE_MAX + 9)))
            return peer.connections

    assert run(story()) == IDLE_PER_PLACE_MAX + 18


# --- bad answers ---------------------------------------------------------------------------------------------


async def _endless(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def _header_flood(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"a: " + b"b" * 1_000 + b"\r\n")
        await writer.drain()


async def _interim_flood(_, writer):
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        await writer.drain()


BAD = {
    "endless-body": (_endless, ReplyTooLarge),
    "header-flood": (_header_flood, ReplyTooLarge),
    "interim-flood": (_interim_flood, ReplyGarbled),
    "reset": (_hang_up, FulfillmentUnreachable),
    "closed": (None, FulfillmentUnreachable),
    "cut-off": (lambda _, writer: _close_after(writer, OK[:-1]), FulfillmentUnreachable),
    "chunk-garbage": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", ReplyGarbled),
    "another-protocol": (b"SSH-2.0-OpenSSH\r\n", ReplyGarbled),
}


async def _close_after(writer, data):
    writer.write(data)
    writer.close()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer(run, name):
    """One clear error, the connection is closed, and the next call is served as ever."""
    said, error = BAD[name]

    async def story():
        async with a_peer(said, OK) as peer, calling() as post:
            url = f"http://127.0.0.1:{peer.port}/"
            with pytest.raises(error):
                await post(url)
            await peer.closed.wait()
            return (await post(url)).body, peer.connections

    assert run(story()) == (b"{}", 2)


def test_a_slow_drip(run):
    """A byte now and then keeps nothing alive: the time is for the whole answer."""
    late = asyncio.Event()

    async def drip(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not late.is_set():
            writer.write(b"x")
            await writer.drain()
            try:
                async with asyncio.timeout(0.01):
                    await late.wait()
            except TimeoutError:
                continue

    async def story():
        async with a_peer(drip) as peer, calling() as post:
            with pytest.raises(FulfillmentTimeout) as caught:
                await post(f"http://127.0.0.1:{peer.port}/", seconds_max=0.2)
            late.set()
            await peer.closed.wait()
            return caught.value.message

    assert run(story()).startswith("No complete answer within 0.2 s.")


def test_a_redirect_is_an_answer(run):
    """Wherever it points to, nobody goes there."""

    async def story():
        async with a_peer(OK) as inside, calling() as post:
            where = f"http://127.0.0.1:{inside.port}/admin".encode()
            moved = b"HTTP/1.1 307 Moved\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % where
            async with a_peer(moved) as outside:
                reply = await post(f"http://127.0.0.1:{outside.port}/")
            return reply.status, inside.connections

    assert run(story()) == (307, 0)


def test_a_caller_who_leaves(run):
    """When the call is given up, the connection is closed and its place free."""
    arrived = asyncio.Event()

    async def never(reader, _):
        arrived.set()
        await reader.read()

    async def story():
        async with a_peer(never, OK) as peer, calling(each_max=1) as post:
            url = f"http://127.0.0.1:{peer.port}/"
            call = asyncio.create_task(post(url))
            await arrived.wait()
            call.cancel()
            await peer.closed.wait()
            return (await post(url)).body

    assert run(story()) == b"{}"


# --- places --------------------------------------------------------------------------------------------------


def test_a_project_has_its_places_and_no_more(run):
    """One too many waits, in the order of asking, for its own project alone; another one is answered at once."""

    async def story():
        arrived, release, order = asyncio.Event(), asyncio.Event(), []

        async def hold(_, writer):
            arrived.set()
            await release.wait()
            writer.write(OK)

        async with a_peer(hold) as slow, a_peer(OK) as quick, calling(each_max=1) as post:

            async def numbered(number):
                await post(f"http://127.0.0.1:{slow.port}/")
                order.append(number)

            calls = [asyncio.create_task(numbered(number)) for number in range(3)]
            await arrived.wait()
            await post(f"http://127.0.0.1:{quick.port}/", of=project(2))
            under_way = len(slow.requests)
            release.set()
            await asyncio.gather(*calls)
            return under_way, order

    assert run(story()) == (1, [0, 1, 2])


def test_waiting_for_a_place_has_an_end(run):
    """Within the time of the call; it says that nothing was sent. Who leaves the queue is not waited for."""

    async def story():
        arrived, release = asyncio.Event(), asyncio.Event()

        async def hold(_, writer):
            arrived.set()
            await release.wait()
            writer.write(OK)

        async with a_peer(hold, OK) as peer, calling(each_max=1) as post:
            url = f"http://127.0.0.1:{peer.port}/"
            first = asyncio.create_task(post(url))
            await arrived.wait()
            leaving = asyncio.create_task(post(url))
            with pytest.raises(FulfillmentTimeout) as caught:
                await post(url, seconds_max=0.05)
            leaving.cancel()
            release.set()
            await first
            await post(url)
            return caught.value.message, len(peer.requests)

    message, requests = run(story())

    assert message == "Nothing was sent: 1 calls for this project were under way for 0.05 s."
    assert requests == 2
