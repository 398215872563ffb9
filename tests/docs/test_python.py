"""The reference of the Python API: its examples run as they stand, against a real HTTP server."""

import asyncio
import inspect
import json
import re
from pathlib import Path

import pytest

import homegraph
from homegraph import ApiError, AsyncClient, Client
from homegraph.wire.status import Explanation, render
from support.http_stub import Answer, closed_port, stub_server
from support.signing import key_file

PAGE = (Path(__file__).parents[2] / "docs/reference/python.md").read_text()
BLOCKING, REPORTING, ASYNCHRONOUS, TRANSPORT, LINT = re.findall(
    r"```python\n(.*?)```", PAGE, re.DOTALL
)
PATH = "/v1/devices:requestSync"


@pytest.fixture
def server(monkeypatch):
    """A server that is found by the environment, as the examples do."""
    with stub_server() as stub:
        monkeypatch.setenv("HOMEGRAPH_BASE_URL", stub.url)
        yield stub


def example(block: str, name: str):
    """Run a block of the page, and take a function out of it."""
    names: dict = {}
    exec(compile(block, "python.md", "exec"), names)
    return names[name]


class TestBlockingExample:
    def test_success(self, server):
        """The example's function calls the server."""
        server.on("POST", PATH, {})

        assert example(BLOCKING, "lamp_was_added")("user-1") == "a SYNC will follow"
        assert server.seen[0].json == {"agentUserId": "user-1", "async": True}

    def test_unknown_user(self, server):
        """The reason in the answer leads to the branch that the page promises."""
        answer = render(
            "AGENT_USER_UNLINKED", explain=Explanation(("AGENT_USER_UNLINKED",), "http://h/")
        )
        server.on("POST", PATH, Answer(answer.body, answer.http))

        assert example(BLOCKING, "lamp_was_added")("u").startswith("stop calling for this user: ")

    def test_no_server(self, monkeypatch):
        """Without a server the example says what the page says."""
        monkeypatch.setenv("HOMEGRAPH_BASE_URL", closed_port())

        assert example(BLOCKING, "lamp_was_added")("u").startswith("try again later: ")

    def test_other_errors_come_through(self, server):
        """What the example does not know it does not swallow."""
        server.on("POST", PATH, Answer(b"", 500))

        with pytest.raises(ApiError):
            example(BLOCKING, "lamp_was_added")("u")


def test_asynchronous_example(server):
    """Tasks share a client."""
    server.on("POST", PATH, {})

    asyncio.run(example(ASYNCHRONOUS, "many")(["a", "b", "c"]))

    assert sorted(seen.json["agentUserId"] for seen in server.seen) == ["a", "b", "c"]


def test_reporting_example(server, tmp_path):
    """A key file leads to a token, the states arrive, and the Home Graph's are compared."""
    server.on("POST", "/token", {"access_token": "t", "expires_in": 3599, "token_type": "Bearer"})
    server.on("POST", "/v1/devices:reportStateAndNotification", {})
    server.on("POST", "/v1/devices:query", {"payload": {"devices": {"lamp-1": {"on": True}}}})
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key_file(server.url)))

    assert example(REPORTING, "lamp_was_switched")(str(path), "user-1", on=True) == {"on": True}

    assert [seen.headers.get("authorization") for seen in server.seen[1:]] == ["Bearer t"] * 2


def test_transport_example():
    """The example test on the page passes."""
    example(TRANSPORT, "test_adding_a_lamp_requests_a_sync")()


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_argument_is_explained(client):
    """Each argument of the constructors has its row, and the shown defaults are the real ones."""
    parameters = inspect.signature(client).parameters

    assert all(f"\n| `{name}` |" in PAGE for name in parameters)
    shown = ", ".join(f"{name}={one.default!r}" for name, one in parameters.items())
    assert f"`Client(*, {shown})`" in PAGE


def test_every_call_is_explained():
    """Each method has its row, with its arguments and defaults, and both clients have the same ones."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if name.startswith("_") or name == "close":
            continue
        given = str(inspect.signature(method)).partition(" -> ")[0]
        assert given == str(inspect.signature(getattr(AsyncClient, name))).partition(" -> ")[0]
        parameters = [*inspect.signature(method).parameters.values()][1:]
        plain = [one.name for one in parameters if one.default is one.empty]
        named = [
            f"{one.name}={one.default!r}" for one in parameters if one.default is not one.empty
        ]
        assert f"`{name}({', '.join([*plain, '*', *named])})`".replace("'", '"') in PAGE


def test_every_attribute_of_an_error_is_explained():
    """What an ApiError has is on the page."""
    error = ApiError("m", http_status=404, status="NOT_FOUND")
    attributes = {name for name in (*vars(error), "hint", "retryable") if name != "args"}

    assert all(re.search(rf"^\| .*`{name}`", PAGE, re.MULTILINE) for name in attributes)


@pytest.mark.parametrize("name", homegraph.__all__)
def test_every_public_name_is_there(name):
    """The page names what can be imported."""
    assert f"`{name}`" in PAGE or f"{name} " in PAGE


def test_the_example_of_lint_holds():
    """It is a test itself."""
    example(LINT, "test_what_we_answer_to_sync")()
