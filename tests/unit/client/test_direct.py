"""The asynchronous client's own connections: kept, bound to their loop, and left aside where a proxy is in between."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import uvloop

from homegraph import AsyncClient, ServerUnreachable
from homegraph.client import Request
from homegraph.client.awaiting import AsyncTransport
from homegraph.client.direct import STARTS_KEPT_MAX
from homegraph.client.transport import USER_AGENT
from homegraph.http.pool import IDLE_PER_PLACE_MAX
from support.certificates import a_certificate
from support.http_stub import Answer, closed_port, stub_server
from support.raw_server import a_peer

KEY = "AIzaSyA-secret_secret_secret_secret_123"
PATH = "/v1/devices:requestSync"


@pytest.fixture
def server():
    """A server that answers Request Sync."""
    with stub_server() as stub:
        stub.on("POST", PATH, {})
        yield stub


async def calls(url, *agent_user_ids):
    """Make calls one after the other, with one client."""
    async with AsyncClient(api_key=KEY, base_url=url) as client:
        for agent_user_id in agent_user_ids:
            await client.request_sync(agent_user_id)


def request(base_url, **parts):
    """A request to the server."""
    whole = {"method": "POST", "url": base_url + PATH, "headers": (), "body": b"{}", "timeout": 5.0}
    return Request(**(whole | parts))


async def sent(asked):
    """Send one request with a transport of its own."""
    transport = AsyncTransport()
    try:
        return await transport.send(asked)
    finally:
        await transport.close()


def test_what_is_sent():
    """Method, path and query; the host with its port, which is not the usual one; who calls; headers and body as they were given."""

    async def go():
        async with a_peer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as peer:
            url = f"http://localhost:{peer.port}/v1/sync?a=b"
            await sent(request("", url=url, headers=(("x-goog-api-key", KEY),), body=b'{"a":1}'))
            return peer

    peer = asyncio.run(go())

    assert peer.requests == [
        (
            f"POST /v1/sync?a=b HTTP/1.1\r\nhost: localhost:{peer.port}\r\nuser-agent: {USER_AGENT}\r\n"
            f'accept: */*\r\nx-goog-api-key: {KEY}\r\ncontent-length: 7\r\n\r\n{{"a":1}}'
        ).encode()
    ]


def test_a_connection_is_used_again():
    """Two calls, one after the other, come over one connection."""
    accepted = []

    async def answer(reader, writer):
        accepted.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(len(b'{"agentUserId": "one"}'))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async def go():
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            await calls(f"http://127.0.0.1:{port}", "one", "two", "six")
            accepted[0].close()

    asyncio.run(go())

    assert len(accepted) == 1


@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # nobody closes them in the first loop
def test_one_client_in_two_loops(server):
    """A client may be used by one asyncio.run after the other: connections of the first are left alone."""
    client = AsyncClient(api_key=KEY, base_url=server.url)

    asyncio.run(client.request_sync("first"))
    asyncio.run(client.request_sync("second"))
    asyncio.run(client.close())
    gc.collect()  # here, where what Python says about the first loop's connections is expected

    assert [one.json["agentUserId"] for one in server.seen] == ["first", "second"]


def test_one_client_in_loops_that_take_turns(server):
    """Each loop has connections of its own: who comes back finds his, and closing reaches those of all loops."""
    client = AsyncClient(api_key=KEY, base_url=server.url)

    with asyncio.Runner() as one, asyncio.Runner() as other:
        for agent_user_id in "abc":
            for runner in one, other:
                runner.run(client.request_sync(agent_user_id))
        assert server.connections == 2
        one.run(client.close())
        gc.collect()  # what was left open would be complained about here

    assert [one.json["agentUserId"] for one in server.seen] == list("aabbcc")


def test_one_client_in_the_loops_of_several_threads(server):
    """They do not get into each other's way, and closing reaches the connections of a loop that runs elsewhere."""
    client = AsyncClient(api_key=KEY, base_url=server.url)
    together = threading.Barrier(4)

    async def made(closed):
        together.wait()
        for number in range(20):
            await client.request_sync(f"u{number}")
        await asyncio.to_thread(together.wait)
        if closed:
            await client.close()
        await asyncio.to_thread(together.wait)

    with ThreadPoolExecutor() as threads:
        work = [threads.submit(asyncio.run, made(number == 0)) for number in range(4)]
        for one in work:
            one.result()
    gc.collect()

    assert (len(server.seen), server.connections) == (80, 4)


def test_a_burst_leaves_its_connections_to_the_next_one():
    """All of a client's connections lead to one address, so it keeps as many as there may be at all."""
    together = IDLE_PER_PLACE_MAX + 9

    async def go():
        transport = AsyncTransport()
        async with a_peer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as peer:
            for _ in range(2):
                asked = [request(f"http://127.0.0.1:{peer.port}") for _ in range(together)]
                await asyncio.gather(*map(transport.send, asked))
            await transport.close()
            return peer.connections

    assert asyncio.run(go()) == together


def test_a_loop_of_another_kind(server):
    """Whatever loop the caller has: uvloop is the one that many bring."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(calls(server.url, "one", "two"))

    assert [one.json["agentUserId"] for one in server.seen] == ["one", "two"]


def test_requests_that_begin_alike(server):
    """Each has its own credential and body, however many there are, and also when one like it was sent before."""
    numbers = [*range(STARTS_KEPT_MAX + 1)] * 2

    async def go():
        transport = AsyncTransport()
        for number in numbers:
            parts = {"headers": (("authorization", f"Bearer {number}"),), "body": b"%d" % number}
            await transport.send(request(server.url, **parts))
        await transport.close()

    asyncio.run(go())

    seen = [(one.headers["authorization"], one.body) for one in server.seen]
    assert seen == [(f"Bearer {number}", b"%d" % number) for number in numbers]


@pytest.mark.parametrize(
    ("variables", "goes_by_proxy"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"http_proxy": "PROXY"}, True, id="for http"),
        pytest.param({"all_proxy": "PROXY"}, True, id="for everything"),
        pytest.param({"https_proxy": "PROXY"}, False, id="for https only"),
        pytest.param(
            {"http_proxy": "PROXY", "no_proxy": "home.test"}, False, id="not for this one"
        ),
    ],
)
def test_a_proxy_of_the_environment_is_used(server, monkeypatch, variables, goes_by_proxy):
    """Where the environment has a proxy for an address, the request goes there, whole address and all."""
    server.on("POST", PATH, {"by": "proxy"})
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, server.url if value == "PROXY" else value)
    asked = request("http://home.test:1")

    if goes_by_proxy:
        assert asyncio.run(sent(asked)).body == b'{"by": "proxy"}'
    else:
        with pytest.raises(ServerUnreachable, match=r"home\.test"):
            asyncio.run(sent(asked))
    assert len(server.seen) == goes_by_proxy


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            {"headers": (("authorization", "Bearer a\r\nx: y"),)}, id="a line in a header"
        ),
        pytest.param({"url": "http://127.0.0.1:1/é"}, id="no ASCII in the path"),
        pytest.param({"url": "ftp://127.0.0.1/"}, id="another scheme"),
        pytest.param({"url": "http:///v1"}, id="no host"),
        pytest.param({"url": "http://[::1/"}, id="no address"),
        pytest.param({"url": "http://127.0.0.1:1/a b"}, id="a blank in the path"),
    ],
)
def test_what_would_break_out_of_its_line_is_not_sent(server, parts):
    """Nothing is sent, and nothing of it is quoted."""
    with pytest.raises(ServerUnreachable, match="cannot be sent") as caught:
        asyncio.run(sent(request(server.url, **parts)))

    assert "Bearer" not in str(caught.value)
    assert server.seen == []


def test_a_value_beyond_ascii_is_sent(server):
    """What it means is for the other side to say."""
    asked = request(server.url, headers=(("authorization", "Bearer é"),))

    asyncio.run(sent(asked))

    assert server.seen[0].headers["authorization"].encode("latin-1") == "Bearer é".encode()


def test_a_certificate_of_nobody_is_not_believed(tmp_path):
    """TLS is always verified, and the reason is said."""

    async def go():
        context = a_certificate("localhost").context(tmp_path)
        async with await asyncio.start_server(print, "127.0.0.1", 0, ssl=context) as listening:
            port = listening.sockets[0].getsockname()[1]
            await calls(f"https://localhost:{port}", "user-1")

    with pytest.raises(ServerUnreachable, match="certificate is not trusted") as caught:
        asyncio.run(go())
    assert "SSL_CERT_FILE" in caught.value.hint


def test_nobody_there():
    """A refused connection is told in words of the system, without the address."""
    with pytest.raises(ServerUnreachable, match="Connection refused"):
        asyncio.run(calls(closed_port(), "user-1"))


def test_who_does_not_accept_is_late():
    """A connection that is never accepted ends with the request's time, which is told."""
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))):
            asked = request(f"http://127.0.0.1:{port}", timeout=0.2)
            with pytest.raises(ServerUnreachable, match=r"did not answer within 0\.2 s"):
                asyncio.run(sent(asked))


def test_an_answer_that_says_goodbye(server):
    """A connection that the server closes is not used again."""
    server.on("POST", PATH, Answer({}, headers={"connection": "close"}))

    asyncio.run(calls(server.url, "one", "two"))

    assert len(server.seen) == 2
