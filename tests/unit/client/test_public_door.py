"""What ``import homegraph`` promises, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import homegraph
from homegraph import client

DOORS = (homegraph, client)
HEAVY = ("typer", "rich", "starlette", "uvicorn", "apsw", "pyreqwest", "asyncio", "msgspec")
SERVER_ROOMS = ("server", "web", "service", "store", "demo", "cli", "testing")


def loaded_by(statement: str) -> list[str]:
    """Names of all modules that a fresh interpreter has after a statement."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_exports_are_exactly_the_promised_ones():
    """Adding or removing a public name is a decision, not an accident."""
    assert homegraph.__all__ == [
        "ApiError",
        "AsyncClient",
        "Client",
        "Finding",
        "HomegraphError",
        "ServerUnreachable",
        "lint",
    ]


@pytest.mark.parametrize("door", DOORS)
def test_what_is_promised_is_there(door):
    """Each name, although it is fetched only when it is asked for."""
    assert all(hasattr(door, name) for name in door.__all__)
    assert set(door.__all__) <= set(dir(door))


def test_import_is_light():
    """``import homegraph`` loads neither the command line, nor a server, nor an HTTP client."""
    loaded = loaded_by("import homegraph")

    assert not [name for name in HEAVY if name in loaded]


def test_client_loads_no_server():
    """``from homegraph import Client`` loads no room of the server and no command line."""
    loaded = loaded_by("from homegraph import AsyncClient, Client")

    assert "pyreqwest" in loaded
    assert not [
        name for name in ("typer", "rich", "starlette", "uvicorn", "apsw") if name in loaded
    ]
    assert not [name for name in SERVER_ROOMS if f"homegraph.{name}" in loaded]


@pytest.mark.parametrize(
    ("given", "expected"), [("api_key='AIza'", False), ("credentials=ADC", True)]
)
def test_google_auth_is_loaded_for_its_own_credentials_only(given, expected):
    """Who has an API key does not pay for the library of the others."""
    loaded = loaded_by(
        f"from homegraph.client import ADC, Client\nClient({given}, base_url='http://h')"
    )

    assert ("google.auth" in loaded) is expected


@pytest.mark.parametrize("door", DOORS)
def test_unknown_name_is_an_attribute_error(door):
    """A misspelt import fails as it does for any module."""
    with pytest.raises(AttributeError, match="Clinet"):
        door.Clinet  # noqa: B018
