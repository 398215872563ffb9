"""How programs use the public door, for mypy: this file is checked, and never run.

A line that stops type-checking is a change that breaks somebody's program.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from google.auth.credentials import Credentials

from homegraph import ApiError, AsyncClient, Client, HomegraphError, ServerUnreachable
from homegraph.client import ADC, Request, Response, SyncTransport, Transport


def blocking() -> None:
    """The blocking client, with everything that may be given."""
    with Client(
        api_key="AIza", base_url="http://127.0.0.1:4663", timeout=5, transport=None
    ) as home_graph:
        assert_type(home_graph, Client)
        assert_type(home_graph.base_url, str)
        home_graph.request_sync("user-1")
        home_graph.request_sync("user-1", async_=True)
        home_graph.request_sync("user-1", True)  # type: ignore[call-arg]  # options have names
        home_graph.request_sync(7)  # type: ignore[arg-type]  # an id is text
    Client("AIza")  # type: ignore[call-arg]  # a key has a name, too
    Client(api_key="AIza").close()


async def asynchronous() -> None:
    """The asynchronous client."""
    async with AsyncClient(api_key="AIza") as home_graph:
        assert_type(home_graph, AsyncClient)
        await home_graph.request_sync("user-1", async_=True)
    await AsyncClient(api_key="AIza").close()


def every_call(home_graph: Client) -> None:
    """The calls, and what they return."""
    home_graph.report_state("user-1", {"lamp-1": {"on": True, "color": {"spectrumRgb": 255}}})
    home_graph.report_state(
        "user-1", {}, notifications={"bell": {"ObjectDetection": {}}}, request_id="r", event_id="e"
    )
    home_graph.report_state("user-1", {"lamp-1": True})  # type: ignore[dict-item]
    home_graph.report_state("user-1", {}, {})  # type: ignore[call-arg]  # options have names
    assert_type(home_graph.query("user-1", ("lamp-1",), request_id="r"), dict[str, dict[str, Any]])
    assert_type(home_graph.sync("user-1", request_id="r"), list[dict[str, Any]])
    home_graph.delete_agent_user("user-1", request_id="r")


async def every_call_awaited(home_graph: AsyncClient) -> None:
    """The same, awaited."""
    await home_graph.report_state("user-1", {"lamp-1": {"on": True}}, notifications=None)
    assert_type(await home_graph.query("user-1", {"lamp-1"}), dict[str, dict[str, Any]])
    assert_type(await home_graph.sync("user-1"), list[dict[str, Any]])
    await home_graph.delete_agent_user("user-1")


def credentials(own: Credentials) -> None:
    """What may be given as credentials."""
    Client(credentials="key.json")
    Client(credentials=Path("key.json"))
    Client(credentials={"type": "service_account"})
    Client(credentials=ADC)
    AsyncClient(credentials=own)
    Client(credentials=b"key.json")  # type: ignore[arg-type]


def errors(home_graph: Client) -> None:
    """What an error tells."""
    try:
        home_graph.request_sync("user-1")
    except ServerUnreachable as error:
        assert_type(error.retryable, bool)
    except ApiError as error:
        assert_type(error.http_status, int)
        assert_type(error.status, str)
        assert_type(error.reason, str)
        assert_type(error.code, str)
        assert_type(error.message, str)
        assert_type(error.hint, str)
        assert_type(error.details, tuple[dict[str, Any], ...])
    except HomegraphError as error:
        assert_type(error.hint, str)


class Own:
    """A transport of one's own."""

    def send(self, request: Request) -> Response:
        """Answer without a network."""
        assert_type(request.url, str)
        assert_type(request.timeout, float)
        return Response(200, {}, b"{}")


class OwnAsync:
    """An asynchronous transport of one's own."""

    async def send(self, request: Request) -> Response:
        """Answer without a network."""
        return Response(200, {}, request.body)


def transports(blocking: SyncTransport, asynchronous: Transport) -> None:
    """Transports fit the client of their kind, and no other."""
    Client(api_key="AIza", transport=blocking)
    Client(api_key="AIza", transport=Own())
    Client(api_key="AIza", transport=OwnAsync())  # type: ignore[arg-type]
    AsyncClient(api_key="AIza", transport=asynchronous)
    AsyncClient(api_key="AIza", transport=OwnAsync())
    AsyncClient(api_key="AIza", transport=Own())  # type: ignore[arg-type]
