"""Calls go where they may, and whatever a stranger answers harms nobody: real sockets, real TLS, resolvers that are handed in."""

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
import uvloop

from homegraph.errors import (
    AddressRefused,
    FulfillmentRefused,
    FulfillmentTimeout,
    FulfillmentUnreachable,
    FulfillmentUntrusted,
    ReplyGarbled,
    ReplyTooLarge,
)
from homegraph.graph.destinations import Rules
from homegraph.graph.model import Project
from homegraph.graph.policy import Policy
from homegraph.http.pool import IDLE_PER_PLACE_MAX, IDLE_SECONDS, RECEIVED_AT_ONCE_MAX_BYTES
from homegraph.service.http.posting import HttpTransport
from homegraph.service.http.resolving import ANSWER_SECONDS, LOOK_UP_SECONDS, LOOK_UPS_MAX
from homegraph.testing.clock import ManualClock
from support.certificates import a_certificate, an_authority
from support.raw_server import a_peer

WAIT_SECONDS = 20.0
"""Only a failing test waits that long."""

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
LOOPBACK_LISTED = Rules(networks=(ip_network("127.0.0.0/8"),))


def project(number=1, **policy):
    """A project."""
    return Project(f"p{number}", "", "1", policy=Policy(**policy))


class Names:
    """A resolver that a test writes. A list of answers is used up one by one; an event is waited for."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        answer = self.answers[host]
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            return ["127.0.0.1"]
        if isinstance(answer, OSError):
            raise answer
        return answer.pop(0) if isinstance(answer[0], list) else answer


@asynccontextmanager
async def calling(rules=None, *, look_up=None, clock=None, each_max=100):
    """A transport, and a function that calls with it."""
    transport = HttpTransport(
        (clock or ManualClock()).now,
        rules=rules or Rules(),
        project_exchanges=each_max,
        look_up=look_up or Names(),
    )

    async def post(
        url,
        *,
        of=None,
        body=b"{}",
        headers=(),
        seconds_max=WAIT_SECONDS,
        most=100_000,
        repeatable=False,
    ):
        return await transport.post(
            of or project(), url, headers, body,
            seconds_max=seconds_max, reply_max_bytes=most, repeatable=repeatable,
        )  # fmt: skip

    try:
        yield post
    finally:
        await transport.close()


new_loop = uvloop.new_event_loop


@pytest.fixture(
    autouse=True, params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def _each_loop(request, monkeypatch):
    """The server has uvloop, where there is one; callers have what they like."""
    monkeypatch.setitem(globals(), "new_loop", request.param)


def run(story):
    """Run a story in one of the loops."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(asyncio.wait_for(story, 3 * WAIT_SECONDS))


# --- what is sent, and what comes back -----------------------------------------------------------------------


def test_what_is_sent():
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
def test_a_token_cannot_add_a_header(value):
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


def test_a_connection_is_used_again():
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
def test_a_connection_that_is_not_used_again(name):
    """The answer says so, or something follows it that was not asked for: that must not answer the next call."""

    async def story():
        async with a_peer(ENDS[name], OK) as peer, calling() as post:
            url = f"http://127.0.0.1:{peer.port}/"
            bodies = [(await post(url)).body for _ in range(2)]
            return bodies, peer.connections

    assert run(story()) == ([b"{}", b"{}"], 2)


def test_an_answer_that_ends_with_the_connection():
    """HTTP/1.0 as it was: no length, the end is the end."""

    async def said(_, writer):
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        writer.close()

    async def story():
        async with a_peer(said) as peer, calling() as post:
            return (await post(f"http://127.0.0.1:{peer.port}/")).body

    assert run(story()) == b"all of it"


def test_bytes_on_an_idle_connection():
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


def test_an_answer_before_the_request_was_read():
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
def test_a_connection_that_breaks_under_a_request(repeatable, requests):
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


def test_nothing_is_sent_again_without_end():
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


def test_idle_connections_are_bounded():
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
def test_a_bad_answer(name):
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


def test_a_slow_drip():
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

    assert run(story()) == "No complete answer within 0.2 s."


def test_a_redirect_is_an_answer():
    """Wherever it points to, nobody goes there."""

    async def story():
        async with a_peer(OK) as inside, calling() as post:
            where = f"http://127.0.0.1:{inside.port}/admin".encode()
            moved = b"HTTP/1.1 307 Moved\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % where
            async with a_peer(moved) as outside:
                reply = await post(f"http://127.0.0.1:{outside.port}/")
            return reply.status, inside.connections

    assert run(story()) == (307, 0)


def test_a_caller_who_leaves():
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


# --- where it goes -------------------------------------------------------------------------------------------


def test_nobody_listens():
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
def test_an_address_that_is_not_called(url):
    """Metadata, what is nowhere, private networks, plain http on the internet, odd spellings: refused before anything is sent."""

    async def story():
        async with calling() as post:
            with pytest.raises(AddressRefused):
                await post(url)

    run(story())


INSIDE = ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0", "64:ff9b::7f00:1"]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_inside(address, scheme):
    """A name that anybody may have registered does not lead to this machine or its networks."""

    async def story():
        async with calling(look_up=Names(evil_example=[address])) as post:
            with pytest.raises(AddressRefused) as caught:
                await post(f"{scheme}://evil.example/")
            return caught.value.message

    assert "evil.example" in run(story())


def test_a_name_that_changes_its_mind():
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


def test_only_the_good_addresses_of_a_name():
    """Of several addresses those are used that may be; one that cannot be reached leaves the next its turn."""
    names = Names(many_example=["169.254.169.254", "127.0.0.9", "127.0.0.1"])

    async def story():
        async with a_peer(OK) as peer, calling(LOOPBACK_LISTED, look_up=names) as post:
            return (await post(f"http://many.example:{peer.port}/")).status

    assert run(story()) == 200


def test_localhost_needs_no_resolver():
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


def test_a_name_nobody_knows():
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


def test_a_resolver_that_does_not_answer():
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


def test_resolvers_that_do_not_answer():
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


# --- TLS -----------------------------------------------------------------------------------------------------


AUTHORITY = an_authority()


@pytest.fixture
def secure(tmp_path):
    """Call a server that has this certificate, as ``cloud.example`` by a resolver that knows it."""

    def secure(identity, *, authorities="", url="https://cloud.example:{port}/", said=OK, **bounds):
        async def story():
            names = Names(cloud_example=["127.0.0.1"])
            context = identity.context(tmp_path)
            async with (
                a_peer(said, ssl=context) as peer,
                calling(LOOPBACK_LISTED, look_up=names) as post,
            ):
                of = project(authorities=authorities)
                outcome = await asyncio.gather(
                    post(url.format(port=peer.port), of=of, **bounds), return_exceptions=True
                )
                return outcome[0], peer

        return run(story())

    return secure


def test_an_authority_of_the_projects_own(secure):
    """The connection goes to the address, the certificate is asked for and checked by the name."""
    reply, peer = secure(a_certificate("cloud.example", by=AUTHORITY), authorities=AUTHORITY.pem)

    assert reply.status == 200
    assert b"host: cloud.example:%d\r\n" % peer.port in peer.requests[0]


def test_more_than_is_received_at_once(secure):
    """An answer that fills the buffer of all connections again and again comes whole, through TLS as well."""
    body = bytes(range(256)) * (RECEIVED_AT_ONCE_MAX_BYTES // 64) + b"end"
    reply, _ = secure(
        a_certificate("cloud.example", by=AUTHORITY),
        authorities=AUTHORITY.pem,
        said=b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body),
        most=len(body),
    )

    assert reply.body == body


def test_a_certificate_for_an_address(secure):
    """A URL may name the address itself; then the certificate must."""
    url = "https://127.0.0.1:{port}/"
    good, _ = secure(a_certificate("127.0.0.1", by=AUTHORITY), authorities=AUTHORITY.pem, url=url)
    bad, _ = secure(
        a_certificate("cloud.example", by=AUTHORITY), authorities=AUTHORITY.pem, url=url
    )

    assert good.status == 200
    assert isinstance(bad, FulfillmentUntrusted)


UNTRUSTED = {
    "self-signed": (lambda: a_certificate("cloud.example"), "", "ca_file"),
    "unknown-authority": (lambda: a_certificate("cloud.example", by=an_authority("Other")), AUTHORITY.pem, "ca_file"),
    "no-authority": (lambda: a_certificate("cloud.example", by=AUTHORITY), "", "ca_file"),
    "another-name": (lambda: a_certificate("evil.example", by=AUTHORITY), AUTHORITY.pem, "Hostname mismatch"),
    "expired": (lambda: a_certificate("cloud.example", by=AUTHORITY, days=0), AUTHORITY.pem, "expired"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTRUSTED)
def test_a_certificate_that_is_not_trusted(secure, name):
    """Nothing is sent; the error says what is wrong, and where an own authority is named."""
    identity, authorities, said = UNTRUSTED[name]
    error, peer = secure(identity(), authorities=authorities)

    assert isinstance(error, FulfillmentUntrusted)
    assert "cloud.example" in error.message
    assert said in error.message
    assert peer.requests == []


def test_a_self_signed_certificate_may_be_its_own_authority(secure):
    """Named in ca_file it is trusted, for its name."""
    identity = a_certificate("cloud.example")

    assert secure(identity, authorities=identity.pem)[0].status == 200


def test_projects_do_not_share_trust(tmp_path):
    """A connection that one project's authority has opened is not used for a project that does not trust it."""
    context = a_certificate("127.0.0.1", by=AUTHORITY).context(tmp_path)

    async def story():
        async with a_peer(OK, ssl=context) as peer, calling() as post:
            url = f"https://127.0.0.1:{peer.port}/"
            await post(url, of=project(1, authorities=AUTHORITY.pem))
            with pytest.raises(FulfillmentUntrusted):
                await post(url, of=project(2))
            return len(peer.requests)

    assert run(story()) == 1


def test_a_server_without_tls():
    """Called by https it is not trusted and not spoken to; the error says that TLS failed."""

    async def hello(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def story():
        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        async with server, calling() as post:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(FulfillmentUnreachable) as caught:
                await post(f"https://127.0.0.1:{port}/")
            return caught.value.message

    assert run(story()).startswith("The connection failed: TLS: ")


def test_a_server_that_never_shakes_hands():
    """Connecting has an end with TLS in it; the connection does not stay open behind it."""

    async def story():
        gone = asyncio.Event()

        async def silent(reader, writer):
            while await reader.read(1_024):
                continue
            gone.set()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server, calling() as post:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(FulfillmentUnreachable) as caught:
                await post(f"https://127.0.0.1:{port}/", seconds_max=0.1)
            async with asyncio.timeout(WAIT_SECONDS):
                await gone.wait()
            return caught.value.message

    assert run(story()) == "No connection within 0.1 s."


# --- places --------------------------------------------------------------------------------------------------


def test_a_project_has_its_places_and_no_more():
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


def test_waiting_for_a_place_has_an_end():
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
