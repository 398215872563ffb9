"""Whose certificate is believed, and what is said of one that is not: real TLS."""

import asyncio

import pytest

from homegraph.errors import FulfillmentUnreachable, FulfillmentUntrusted
from homegraph.http.pool import RECEIVED_AT_ONCE_MAX_BYTES
from support.certificates import a_certificate, an_authority
from support.raw_server import a_peer
from support.transport import LOOPBACK_LISTED, OK, WAIT_SECONDS, Names, calling, project

AUTHORITY = an_authority()


@pytest.fixture
def secure(run, tmp_path):
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


def test_projects_do_not_share_trust(run, tmp_path):
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


def test_a_server_without_tls(run):
    """Called by https it is not trusted and not spoken to; the error says what is wrong with the address."""

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

    told = run(story())
    assert told.startswith("The connection failed: what answers there does not speak TLS")


def test_a_server_that_never_shakes_hands(run):
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
