"""The page about tests in CI: its examples run as they stand, against a real server."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from homegraph.testing.fulfillment import Home, ScriptedFulfillment, lamp
from support.server import COMMAND

PAGE = (Path(__file__).parents[2] / "docs/howto/test-in-ci.md").read_text()
FIXTURE, TEST = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def names(monkeypatch):
    """What the page defines."""
    monkeypatch.setenv("PATH", str(COMMAND.parent), prepend=":")
    names = {}
    exec(compile(FIXTURE + TEST, "test-in-ci.md", "exec"), names)
    return names


def test_the_examples_run_as_they_stand(names, tmp_path):
    """A sync without findings passes; the server ends with its fixture."""
    with ScriptedFulfillment() as cloud:
        cloud.homes = {"a-token-that-your-fulfillment-accepts": Home(devices=[lamp("lamp")])}
        settings = names["SETTINGS"].replace("http://127.0.0.1:3000/smarthome", cloud.url)
        started = names["HomeGraph"](tmp_path, settings)
        with closing(started.process.stdout):
            names["test_devices_arrive_and_nothing_is_wrong_with_them"](started)
            started.stop()

    assert started.process.returncode == 0


def test_a_server_that_does_not_start_is_told(names, tmp_path):
    """A mistake in the settings ends the fixture at once."""
    with pytest.raises(RuntimeError, match="not started"):
        names["HomeGraph"](tmp_path, "[projects.acme]\n")
