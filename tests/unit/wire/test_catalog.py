"""The catalog of traits and device types."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from homegraph.wire import catalog
from homegraph.wire.catalog.book import ONLINE, builtin, state_keys

FOLDER = Path(catalog.__file__).parent
TRAITS = json.loads((FOLDER / "traits.json").read_text())
TYPES = json.loads((FOLDER / "device_types.json").read_text())


@pytest.mark.parametrize(
    ("trait", "keys"),
    [
        ("OnOff", {"on"}),
        ("Brightness", {"brightness"}),
        ("StartStop", {"isRunning", "isPaused", "activeZones"}),
        ("LockUnlock", {"isLocked", "isJammed"}),
        ("Scene", set()),
        ("CameraStream", set()),
    ],
)
def test_the_states_of_a_trait(trait, keys):
    """By the full name of the trait."""
    assert state_keys(f"action.devices.traits.{trait}") == keys
    assert state_keys(trait) is None


@pytest.mark.parametrize(
    "trait", ["", "action.devices.traits.Teleport", "action.devices.types.LIGHT"]
)
def test_an_unknown_trait_is_none(trait):
    """It is no error: Google has new ones before we do."""
    assert state_keys(trait) is None


def test_online_belongs_to_no_trait():
    """Every device has it."""
    assert [state["name"] for state in TRAITS["common"]["states"]] == [ONLINE]
    assert not any(ONLINE in state_keys(trait["name"]) for trait in TRAITS["traits"])


def test_a_state_that_may_not_be_reported_is_no_key():
    """What a trait has in QUERY only does not go into a report."""
    states = [
        {"name": "shown", "type": "string", "reportable": True},
        {"name": "hidden", "type": "string", "reportable": False},
    ]
    document = json.dumps({"traits": [{"name": "t", "short": "t", "states": states}]}).encode()

    assert builtin().extended(document).state_keys("t") == {"shown"}


def test_the_files_are_whole():
    """As many entries as the files say, each name once, and every trait that a type names exists."""
    traits = [trait["name"] for trait in TRAITS["traits"]]
    types = [kind["name"] for kind in TYPES["types"]]

    assert len(set(traits)) == len(traits) == TRAITS["count"] == 40
    assert len(set(types)) == len(types) == TYPES["count"] == 82
    for kind in TYPES["types"]:
        assert set(kind["required_traits"]) | set(kind["recommended_traits"]) <= set(traits)


def test_importing_reads_nothing():
    """The files are read at the first question."""
    script = (
        "from homegraph.wire.catalog import book\n"
        "assert book.builtin.cache_info().currsize == 0\n"
        "book.state_keys(''); book.state_keys('')\n"
        "assert book.builtin.cache_info().misses == 1"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
