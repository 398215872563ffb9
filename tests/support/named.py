"""Devices as intents see them."""

import json

from homegraph.graph.model import Device, Placement
from homegraph.graph.naming import named
from homegraph.wire.catalog.book import builtin


def a_device(device_id, name="Lamp", room="", *, nicknames=(), traits=("OnOff",), **members):
    """A stored device."""
    definition = {
        "id": device_id,
        "type": "action.devices.types.LIGHT",
        "traits": [f"action.devices.traits.{trait}" for trait in traits],
        "name": {"name": name},
        **members,
    }
    placement = Placement(room, name, tuple(nicknames))
    return named(Device(device_id, json.dumps(definition).encode(), placement, 0, 0), builtin())
