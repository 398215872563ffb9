"""What is written in one turn of the loop is sent at its end, in order."""

import asyncio
import socket

import pytest

from homegraph.http.gathering import Gathering


@pytest.fixture
def runner():
    """A loop of the test's own."""
    with asyncio.Runner() as runner:
        yield runner


async def connected(loop):
    """A transport, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    return transport, theirs


def test_messages_leave_together_at_the_end_of_the_turn_each_in_its_order(runner) -> None:
    """Nothing is sent while the turn goes on; then everything, and what was written first comes first."""

    async def write() -> None:
        loop = asyncio.get_running_loop()
        gathering = Gathering(loop)
        (one, at_one), (two, at_two) = await connected(loop), await connected(loop)
        gathering.write(one, b"a1 ")
        gathering.write(two, b"b1 ")
        gathering.write(one, b"a2")
        assert is_silent(at_one)
        assert is_silent(at_two)
        assert await loop.sock_recv(at_two, 100) == b"b1 "
        assert await loop.sock_recv(at_one, 100) == b"a1 a2"
        gathering.write(two, b"b2")
        assert await loop.sock_recv(at_two, 100) == b"b2"
        for end in (one, two, at_one, at_two):
            end.close()

    runner.run(write())


def test_who_closes_flushes_first_and_what_comes_after_is_dropped(runner) -> None:
    """A flush sends at once; a message for a closed transport is passed over, those for others are not."""

    async def close() -> None:
        loop = asyncio.get_running_loop()
        gathering = Gathering(loop)
        (one, at_one), (two, at_two) = await connected(loop), await connected(loop)
        gathering.write(one, b"last")
        gathering.flush()
        gathering.write(one, b" too late")
        gathering.write(two, b"other")
        one.close()
        assert await loop.sock_recv(at_two, 100) == b"other"
        assert await loop.sock_recv(at_one, 100) == b"last"
        assert await loop.sock_recv(at_one, 100) == b""
        for end in (two, at_one, at_two):
            end.close()

    runner.run(close())


def is_silent(end):
    """Whether nothing has come."""
    try:
        end.recv(1)
    except BlockingIOError:
        return True
    return False
