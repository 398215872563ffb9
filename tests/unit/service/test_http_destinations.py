"""Calls go where they may and nowhere else: addresses, names that change, resolvers that are handed in."""

import asyncio
import socket
from contextlib import closing, contextmanager

import pytest

from homegraph.errors import AddressRefused, FulfillmentUnreachable
from homegraph.graph.destinations import Rules
from homegraph.service.http import posting
from homegraph.service.http.resolving import ANSWER_SECONDS, LOOK_UP_SECONDS, LOOK_UPS_MAX
from homegraph.testing.clock import ManualClock
from support.raw_server import a_peer
from support.transport import LOOPBACK_LISTED, OK, WAIT_SECONDS, Names, calling


def test_nobody_listens(run):
    """It says what the system says."""

    async def story():
        async with calling() as post:
            with pytest.raises(FulfillmentUnreachable) as caught:
                await post("http://127.0.0.1:1/")
            return caught.value.message

    assert run(story()) == "The connection failed: Connection refused."


REFUSED = [
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://0.0.0.0/", "http://[::]/",
    "https://[::ffff:169.254.169.254]/", "http://10.0.0.1/", "https://192.168.1.1/", "http://8.8.8.8/", "http://2130706433/",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_not_called(run, url):
    """Metadata, what is nowhere, private networks, plain http on the internet, odd spellings: refused before anything is sent."""

    async def story():
        async with calling() as post:
            with pytest.raises(AddressRefused):
                await post(url)

    run(story())


INSIDE = ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0", "64:ff9b::7f00:1"]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_inside(run, address, scheme):
    """A name that anybody may have registered does not lead to this machine or its networks."""

    async def story():
        async with calling(look_up=Names(evil_example=[address])) as post:
            with pytest.raises(AddressRefused) as caught:
                await post(f"{scheme}://evil.example/")
            return caught.value.message

    assert "evil.example" in run(story())


def test_a_name_that_changes_its_mind(run):
    """DNS rebinding: the address that was judged is the one that is connected to, however the next answer reads."""
    names = Names(rebind_example=[["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"]])
    clock = ManualClock()

    async def story():
        async with a_peer(OK) as good, calling(LOOPBACK_LISTED, look_up=names, clock=clock) as post:
            url = f"http://rebind.example:{good.port}/"
            await post(url)
            await post(url)
            first = list(names.asked)
            clock.advance(ANSWER_SECONDS)
            with pytest.raises(
                FulfillmentUnreachable
            ):  # the new address, where nobody listens; not the idle connection
                await post(url)
            clock.advance(ANSWER_SECONDS)
            with pytest.raises(AddressRefused):
                await post(url)
            return first, good

    first, good = run(story())

    assert first == ["rebind.example"]
    assert good.connections == 1
    assert all(b"\r\nhost: rebind.example:%d\r\n" % good.port in one for one in good.requests)


def test_only_the_good_addresses_of_a_name(run):
    """Of several addresses those are used that may be; one that cannot be reached leaves the next its turn."""
    names = Names(many_example=["169.254.169.254", "127.0.0.9", "127.0.0.1"])

    async def story():
        async with a_peer(OK) as peer, calling(LOOPBACK_LISTED, look_up=names) as post:
            return (await post(f"http://many.example:{peer.port}/")).status

    assert run(story()) == 200


CLOSES = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"


def test_an_address_that_took_a_connection_is_tried_first(run):
    """What cannot be reached is not waited for with every call: it comes last, until the name is asked for again."""
    names = Names(many_example=["127.0.0.9", "127.0.0.8", "127.0.0.1"])
    clock = ManualClock()

    async def story():
        async with (
            a_peer(CLOSES) as last,
            calling(LOOPBACK_LISTED, look_up=names, clock=clock) as post,
        ):
            url = f"http://many.example:{last.port}/"
            await post(url)
            async with a_peer(CLOSES, host="127.0.0.9", port=last.port) as first:
                await post(url)
                heard = (first.connections, last.connections)
                clock.advance(ANSWER_SECONDS)
                await post(url)
                return heard, (first.connections, last.connections)

    assert run(story()) == ((0, 2), (1, 2))


def test_an_address_that_took_a_connection_may_fall_silent(run):
    """The others are tried after it, those before it too."""
    names = Names(many_example=["127.0.0.9", "127.0.0.1"])

    async def story():
        async with calling(LOOPBACK_LISTED, look_up=names) as post:
            async with a_peer(CLOSES) as last:
                url = f"http://many.example:{last.port}/"
                await post(url)
            async with a_peer(CLOSES, host="127.0.0.9", port=last.port):
                return (await post(url)).status

    assert run(story()) == 200


@contextmanager
def nobody_accepts(host, port=0):
    """A socket at which connections are neither taken nor refused; its port."""
    with closing(socket.socket()) as full:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind((host, port))
        full.listen(0)
        with closing(socket.create_connection(full.getsockname())):
            yield full.getsockname()[1]


def test_an_address_that_says_nothing_has_its_share_of_the_time(run, monkeypatch):
    """What is left is for the next one."""
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.4)
    names = Names(many_example=["127.0.0.9", "127.0.0.1"])

    async def story():
        async with a_peer(OK) as good, calling(LOOPBACK_LISTED, look_up=names) as post:
            with nobody_accepts("127.0.0.9", good.port):
                return (await post(f"http://many.example:{good.port}/")).status

    assert run(story()) == 200


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (["127.0.0.8", "127.0.0.9"], "The connection failed: Connection refused."),
        (["127.0.0.9", "127.0.0.8"], "No connection within 0.2 s."),
    ],
)
def test_of_several_addresses_the_first_problem_is_told(run, monkeypatch, addresses, told):
    """One refuses, the other says nothing."""
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.2)

    async def story():
        async with calling(LOOPBACK_LISTED, look_up=Names(many_example=addresses)) as post:
            with (
                nobody_accepts("127.0.0.9") as port,
                pytest.raises(FulfillmentUnreachable) as caught,
            ):
                await post(f"http://many.example:{port}/")
            return caught.value.message

    assert run(story()) == told


def test_localhost_needs_no_resolver(run):
    """It is this machine by IPv4 or IPv6, whatever a resolver would say, unless that is turned off."""

    async def story():
        async with (
            a_peer(OK, host="::1") as peer,
            calling() as post,
            calling(Rules(loopback=False)) as shut,
        ):
            status = (await post(f"http://localhost:{peer.port}/")).status
            with pytest.raises(AddressRefused):
                await shut(f"http://localhost:{peer.port}/")
            return status

    assert run(story()) == 200


def test_a_name_nobody_knows(run):
    """It says which name, and what the resolver said; it is asked again with the next call."""
    names = Names(gone_example=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))

    async def story():
        async with calling(look_up=names) as post:
            for _ in range(2):
                with pytest.raises(FulfillmentUnreachable) as caught:
                    await post("https://gone.example/")
            return caught.value.message

    assert run(story()) == "The name gone.example cannot be resolved: Name or service not known."
    assert len(names.asked) == 2


def test_a_resolver_that_does_not_answer(run):
    """A name is asked for once at a time, waiting has a bound, and other names are not in its way."""

    async def story():
        hang = asyncio.Event()
        names = Names(slow_example=hang, quick_example=["127.0.0.1"])
        async with a_peer(OK) as peer, calling(LOOPBACK_LISTED, look_up=names) as post:
            outcomes = await asyncio.gather(
                *(post("http://slow.example/", seconds_max=0.05) for _ in range(5)),
                post(f"http://quick.example:{peer.port}/"),
                return_exceptions=True,
            )
            hang.set()
            return [type(one).__name__ for one in outcomes], names.asked

    outcomes, asked = run(story())

    assert outcomes == [*["FulfillmentUnreachable"] * 5, "HttpReply"]
    assert sorted(asked) == ["quick.example", "slow.example"]
    assert LOOK_UP_SECONDS < WAIT_SECONDS


def test_a_name_that_is_asked_for_when_the_server_stops(run):
    """Whoever waits for it is told so, and does not wait for the resolver."""

    async def story():
        asked = asyncio.Event()

        async def never(_):
            asked.set()
            await asyncio.Event().wait()

        async with calling(look_up=never) as post:
            waiting = asyncio.create_task(post("https://slow.example/"))
            await asked.wait()
        with pytest.raises(FulfillmentUnreachable) as caught:
            await waiting
        return caught.value.message

    assert run(story()) == "The server stops."


def test_resolvers_that_do_not_answer(run):
    """There is a bound to how many names are asked for; what is one too many is told so at once."""

    async def story():
        hang = asyncio.Event()
        names = Names(**{f"n{number}_example": hang for number in range(LOOK_UPS_MAX + 1)})
        async with calling(look_up=names) as post:
            outcomes = await asyncio.gather(
                *(post(f"http://n{n}.example/", seconds_max=0.05) for n in range(LOOK_UPS_MAX + 1)),
                return_exceptions=True,
            )
            return outcomes[-1].message, len(names.asked)

    message, asked = run(story())

    assert message == f"{LOOK_UPS_MAX} names are being asked for already, and nobody answers."
    assert asked == LOOK_UPS_MAX
