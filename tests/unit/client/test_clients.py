"""Both clients against a real HTTP server: the same behaviour, blocking and asynchronous."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from pyreqwest.exceptions import ConnectError

from homegraph import ApiError, AsyncClient, Client, ServerUnreachable
from homegraph.client import Request, Response, flow, transport
from homegraph.client.awaiting import AsyncTransport
from homegraph.client.transport import ANSWER_MAX_BYTES, BlockingTransport
from homegraph.errors import SettingsError
from support.http_stub import Answer, closed_port, stub_server

KEY = "AIzaSyA-secret_secret_secret_secret_123"
PATH = "/v1/devices:requestSync"


def blocking(url, agent_user_id="user-1", *, async_=False, **options):
    """Make one call with the blocking client."""
    with Client(api_key=KEY, base_url=url, **options) as client:
        client.request_sync(agent_user_id, async_=async_)


def asynchronous(url, agent_user_id="user-1", *, async_=False, **options):
    """Make one call with the asynchronous client."""

    async def call():
        async with AsyncClient(api_key=KEY, base_url=url, **options) as client:
            await client.request_sync(agent_user_id, async_=async_)

    asyncio.run(call())


def blocking_calls(url):
    """Make every other call with the blocking client; returns what the two that answer bring."""
    with Client(api_key=KEY, base_url=url) as client:
        client.report_state(
            "u",
            {"lamp": {"on": True}},
            notifications={"bell": {"ObjectDetection": {"priority": 0}}},
            request_id="r",
            event_id="e",
        )
        found = client.query("u", ["lamp"], request_id="r"), client.sync("u", request_id="r")
        client.delete_agent_user("a/b c", request_id="r")
    return found


def asynchronous_calls(url):
    """Make every other call with the asynchronous client; returns what the two that answer bring."""

    async def call():
        async with AsyncClient(api_key=KEY, base_url=url) as client:
            await client.report_state(
                "u",
                {"lamp": {"on": True}},
                notifications={"bell": {"ObjectDetection": {"priority": 0}}},
                request_id="r",
                event_id="e",
            )
            found = (
                await client.query("u", ["lamp"], request_id="r"),
                await client.sync("u", request_id="r"),
            )
            await client.delete_agent_user("a/b c", request_id="r")
        return found

    return asyncio.run(call())


def send_blocking(request):
    """Send one request through a blocking transport."""
    with closing(BlockingTransport()) as blocking_transport:
        return blocking_transport.send(request)


def send_asynchronous(request):
    """Send one request through an asynchronous transport."""

    async def send():
        async_transport = AsyncTransport()
        try:
            return await async_transport.send(request)
        finally:
            await async_transport.close()

    return asyncio.run(send())


@pytest.fixture(params=[blocking, asynchronous], ids=["Client", "AsyncClient"])
def call(request):
    """Either client's way of making a call."""
    return request.param


@pytest.fixture
def server():
    """A server that answers what the test says."""
    with stub_server() as stub:
        yield stub


@pytest.fixture
def unreachable(call):
    """Make a call that must end as ServerUnreachable; returns the error and its whole traceback as text."""

    def make(url, **options):
        with pytest.raises(ServerUnreachable) as caught:
            call(url, **options)
        return caught.value, "".join(traceback.format_exception(caught.value))

    return make


class TestRequestSync:
    def test_arrives_as_the_api_wants_it(self, call, server):
        """One POST with JSON, the key as a header and nothing in the query."""
        server.on("POST", PATH, Answer(b"{}\n"))

        call(server.url, "user-1", async_=True)

        (seen,) = server.seen
        assert (seen.method, seen.path, seen.query) == ("POST", PATH, {})
        assert seen.json == {"agentUserId": "user-1", "async": True}
        assert seen.headers["content-type"] == "application/json"
        assert seen.headers["x-goog-api-key"] == KEY
        assert seen.headers["user-agent"].startswith("homegraph/")

    def test_error_is_raised_and_not_repeated(self, call, server):
        """A failed call is made once: whether it is repeated is the caller's decision."""
        error = {"error": {"code": 503, "message": "Later.", "status": "UNAVAILABLE"}}
        server.on("POST", PATH, Answer(error, 503))

        with pytest.raises(ApiError, match=r"Later\.") as caught:
            call(server.url)

        assert (caught.value.http_status, caught.value.retryable) == (503, True)
        assert len(server.seen) == 1

    def test_redirect_is_not_followed(self, call, server):
        """The key does not travel to wherever a redirect points."""
        server.on("POST", PATH, Answer(status=307, headers={"location": f"{server.url}/elsewhere"}))

        with pytest.raises(ApiError, match="redirect"):
            call(server.url)

        assert [seen.path for seen in server.seen] == [PATH]

    def test_base_url_comes_from_the_environment(self, call, server, monkeypatch):
        """An application is pointed at a server by a variable alone."""
        monkeypatch.delenv("HOMEGRAPH_BASE_URL", raising=False)
        monkeypatch.setenv("HOMEGRAPH_EMULATOR_HOST", server.url.removeprefix("http://"))
        server.on("POST", PATH, {})

        call(None)

        assert len(server.seen) == 1

    def test_proxy_is_not_used_for_this_machine(self, call, server, monkeypatch):
        """A proxy in the environment does not come between a client and the server beside it."""
        monkeypatch.setenv("HTTP_PROXY", closed_port())
        monkeypatch.setenv("http_proxy", closed_port())
        server.on("POST", PATH, {})

        call(server.url)

        assert len(server.seen) == 1


class TestOtherCalls:
    @pytest.mark.parametrize("calls", [blocking_calls, asynchronous_calls])
    def test_arrive_as_the_api_wants_them(self, calls, server):
        """Method, path and body of each call, and what its answer becomes."""
        server.on("POST", "/v1/devices:reportStateAndNotification", {"requestId": "r"})
        server.on("POST", "/v1/devices:query", {"payload": {"devices": {"lamp": {"on": True}}}})
        server.on("POST", "/v1/devices:sync", {"payload": {"devices": [{"id": "lamp"}]}})
        server.on("DELETE", "/v1/agentUsers/a/b%20c", {})

        assert calls(server.url) == ({"lamp": {"on": True}}, [{"id": "lamp"}])

        report, query, sync, delete = server.seen
        assert report.json == {
            "requestId": "r",
            "eventId": "e",
            "agentUserId": "u",
            "payload": {
                "devices": {
                    "states": {"lamp": {"on": True}},
                    "notifications": {"bell": {"ObjectDetection": {"priority": 0}}},
                }
            },
        }
        assert query.json["inputs"] == [{"payload": {"devices": [{"id": "lamp"}]}}]
        assert query.json["requestId"] == sync.json["requestId"] == "r"
        assert (delete.query, delete.body) == ({"requestId": "r"}, b"")

    @pytest.mark.parametrize("calls", [blocking_calls, asynchronous_calls])
    def test_repeatable_call_is_repeated(self, calls, server):
        """A Home Graph that is away for a moment is asked again, and a report is not."""
        busy = Answer({"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}, 503)
        server.on("POST", "/v1/devices:reportStateAndNotification", {})
        server.on("POST", "/v1/devices:query", busy, {})
        server.on("POST", "/v1/devices:sync", busy, busy, {})
        server.on("DELETE", "/v1/agentUsers/a/b%20c", busy, {})

        assert calls(server.url) == ({}, [])

        assert [seen.path.rpartition(":")[2] for seen in server.seen] == [
            "reportStateAndNotification",
            *["query"] * 2,
            *["sync"] * 3,
            *["/v1/agentUsers/a/b%20c"] * 2,
        ]


def test_a_closed_client_says_that_it_is_closed(server):
    """Nobody looks for a server that is there."""
    client = Client(api_key=KEY, base_url=server.url)
    client.close()

    with pytest.raises(ServerUnreachable, match=r"^The client is closed\.$") as caught:
        client.request_sync("user-1")
    assert "Make another one" in caught.value.hint
    assert server.seen == []


FORKING = """
import os, sys
from homegraph import Client, ServerUnreachable

client = Client(api_key="key", base_url=sys.argv[1])
if sys.argv[2] == "used":
    client.request_sync("before")
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
for one in (client, Client(api_key="key", base_url=sys.argv[1])):
    try:
        one.request_sync("after")
    except ServerUnreachable as error:
        print(error.message, error.hint)
    one.close()
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize(
    ("state", "seen", "told"),
    [
        ("made", ["after", "after"], []),
        ("used", ["before"], ["this process was forked"] * 2),
    ],
)
def test_a_client_and_a_fork(server, state, seen, told):
    """As servers do that load an application before they start its workers. Who can send nothing there is told, and does not wait."""
    server.on("POST", PATH, {})
    done = subprocess.run(
        [sys.executable, "-c", FORKING, server.url, state],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert [one.json["agentUserId"] for one in server.seen] == seen
    lines = done.stdout.splitlines()
    assert len(lines) == len(told)
    assert all(words in line for words, line in zip(told, lines, strict=True))


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "5"])
def test_a_timeout_that_is_none(client, timeout):
    """It is said when the client is made, and not with every call, of something else."""
    with pytest.raises(SettingsError, match="timeout: ") as caught:
        client(api_key=KEY, base_url="http://127.0.0.1:9", timeout=timeout)
    assert "seconds" in caught.value.hint


def test_closing_ends_a_wait(server, monkeypatch):
    """A blocking call that waits for its next attempt does not keep a program that wants to end."""
    monkeypatch.setattr(flow, "PAUSE_FIRST_SECONDS", 50.0)
    server.on("POST", "/v1/devices:sync", Answer(b"", 503))
    client = Client(api_key=KEY, base_url=server.url, timeout=100.0)
    waits = threading.Event()
    monkeypatch.setattr(client._driver._stopped, "wait", Waited(waits, client._driver._stopped))

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.sync, "u")
        assert waits.wait(10)
        client.close()
        assert isinstance(call.exception(10), ApiError)


class Waited:
    """Waits as the event does, and tells that it has begun."""

    def __init__(self, begun, event):
        self._begun, self._wait = begun, event.wait

    def __call__(self, seconds):
        self._begun.set()
        return self._wait(seconds)


class TestUnreachable:
    def test_nobody_listens(self, unreachable):
        """A refused connection says where and why, and what to do."""
        url = closed_port()

        error, _ = unreachable(url)

        assert url in error.message
        assert "refused" in error.message
        assert error.retryable
        assert "homegraph doctor" in error.hint

    def test_connection_breaks(self, unreachable, server):
        """A server that hangs up is unreachable, not an error of another family."""
        server.on("POST", PATH, Answer(hang_up=True))

        error, _ = unreachable(server.url)

        assert server.url in error.message

    def test_no_answer_in_time(self, unreachable, server):
        """The deadline holds for the whole call, and the hint warns of repeating it."""
        server.on("POST", PATH, Answer(release=threading.Event()))

        error, _ = unreachable(server.url, timeout=0.2)

        assert "0.2 s" in error.message
        assert "before you repeat" in error.hint

    def test_answer_is_too_large(self, unreachable, server):
        """One byte more than the bound is too much."""
        server.on("POST", PATH, Answer(b" " * (ANSWER_MAX_BYTES + 1)))

        error, _ = unreachable(server.url)

        assert "16 MiB" in error.message

    def test_answer_has_no_end(self, unreachable, server):
        """What lies beyond the bound is not read, so that an endless answer ends long before the deadline."""
        server.on("POST", PATH, Answer(b" " * 1_000_000, endless=True))

        error, _ = unreachable(server.url)

        assert "16 MiB" in error.message

    def test_library_that_quotes_the_address_is_not_quoted(self):
        """Should the library's only sentence be one with the address in it, ours is shown instead."""
        request = Request("POST", f"http://h/?key={KEY}", (), b"", 1.0)
        causes = [{"message": f"error sending request for url (http://h/?key={KEY})"}]

        error = transport.unreachable(request, ConnectError("connection error", {"causes": causes}))

        assert error.message == "http://h cannot be reached: the connection failed."

    @pytest.mark.parametrize("send", [send_blocking, send_asynchronous])
    @pytest.mark.parametrize(
        "url",
        ["http://no-such-host.invalid", "http://127.0.0.1:1", "ftp://x", "nonsense", "http://[::1"],
    )
    def test_secret_in_an_address_is_not_told(self, send, url):
        """Whatever goes wrong, the query of the address is in no message and no traceback."""
        with pytest.raises(ServerUnreachable) as caught:
            send(Request("POST", f"{url}/?key={KEY}", (), b"", 5.0))

        error = caught.value
        assert KEY not in "".join(traceback.format_exception(error)) + repr(error) + error.hint
        assert error.__cause__ is error.__context__ is None


class TestTransportSeam:
    def test_blocking_client_speaks_through_any_transport(self):
        """An object with ``send`` replaces HTTP altogether."""
        sent = []

        class Recorder:
            def send(self, request: Request) -> Response:
                sent.append(request)
                return Response(200, {}, b"{}")

        Client(api_key=KEY, base_url="http://h", timeout=3, transport=Recorder()).request_sync("u")

        assert [(one.url, one.timeout) for one in sent] == [(f"http://h{PATH}", 3)]

    def test_async_client_speaks_through_any_transport(self):
        """An object with an asynchronous ``send`` replaces HTTP altogether."""
        sent = []

        class Recorder:
            async def send(self, request: Request) -> Response:
                sent.append(request)
                return Response(404, {}, b"")

        client = AsyncClient(api_key=KEY, base_url="http://h", transport=Recorder())

        with pytest.raises(ApiError):
            asyncio.run(client.request_sync("u"))
        assert [one.url for one in sent] == [f"http://h{PATH}"]


class TestSharing:
    def test_threads_share_a_client(self, server):
        """Many threads may call through one client at the same time."""
        server.on("POST", PATH, {})
        users = [f"user-{number}" for number in range(40)]

        with (
            Client(api_key=KEY, base_url=server.url) as client,
            ThreadPoolExecutor(8) as threads,
        ):
            list(threads.map(client.request_sync, users))

        assert sorted(seen.json["agentUserId"] for seen in server.seen) == sorted(users)

    def test_tasks_share_a_client(self, server):
        """Many tasks may call through one client at the same time."""
        server.on("POST", PATH, {})
        users = [f"user-{number}" for number in range(40)]

        async def call_all():
            async with AsyncClient(api_key=KEY, base_url=server.url) as client:
                await asyncio.gather(*map(client.request_sync, users))

        asyncio.run(call_all())

        assert sorted(seen.json["agentUserId"] for seen in server.seen) == sorted(users)

    @pytest.mark.parametrize("client", [Client, AsyncClient])
    def test_repr_does_not_tell_the_key(self, client):
        """Printing a client does not give the key away."""
        assert KEY not in repr(client(api_key=KEY, base_url="http://h"))
