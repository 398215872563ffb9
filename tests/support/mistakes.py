"""An answer to SYNC with twelve different mistakes in 200 devices: what must be named at once, and what may be taken all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DEVICES: Final = 200

MISTAKES: Final[Mapping[int, Mapping[str, Any]]] = {
    3: {"id": ""},
    17: {"type": "action.devices.types.switch"},
    29: {"traits": None},
    31: {"traits": ["action.devices.traits.OnOf"]},
    47: {"name": {"name": " "}},
    61: {"willReportState": "no"},
    83: {"attributes": []},
    101: {"attributes": {"commandOnlyOnOff": 1}},
    127: {"roomHint": 7},
    149: {"id": "d1"},
    173: {"customData": {"x": "y" * 600}},
    199: {"deviceInf": {}},
}
"""By the place in the list: the members of the device that are wrong."""

REFUSED: Final = frozenset({3, 17, 29, 47, 61, 83, 101, 127})
"""Places of those devices that Google would not take. The rest: two of one id, and what is advice or goes unread."""


def right_device(place: int) -> dict[str, Any]:
    """The device at a place as it should be."""
    return {
        "id": f"d{place}",
        "type": "action.devices.types.SWITCH",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": f"Switch {place}"},
        "willReportState": True,
    }


def mistaken_devices() -> list[dict[str, Any]]:
    """The list with every mistake in it."""
    return [right_device(place) | MISTAKES.get(place, {}) for place in range(DEVICES)]
