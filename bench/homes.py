"""The homes of the benchmark: tokens, names, and device lists that can change without being built anew.

``homegraph.toml`` and the stub are made from the same functions, so that both sides know the same users. A home's list
is one bytearray with a counter of fixed width in each device's name: a change is eight bytes written in place, which
costs the stub nothing that could disturb the measurement.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

API_KEY: Final = "bench-0123456789abcdefghijklmnopqrstuvwx"
"""As long as one of Google's, 39 characters and one more."""

PROJECT: Final = "bench"
DEVICES: Final = 20
LARGE_DEVICES: Final = 200
LARGE_HOMES: Final = 64
"""The last homes of all have so many; one for each connection."""

DEVICE_BYTES: Final = 800
COUNTER: Final = "00000000"

_KINDS: Final[tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...]] = (
    (
        "LIGHT",
        ("OnOff", "Brightness", "ColorSetting"),
        {
            "colorModel": "rgb",
            "colorTemperatureRange": {"temperatureMinK": 2000, "temperatureMaxK": 9000},
            "commandOnlyColorSetting": False,
        },
    ),
    ("OUTLET", ("OnOff",), {"commandOnlyOnOff": False, "queryOnlyOnOff": False}),
    (
        "THERMOSTAT",
        ("TemperatureSetting",),
        {
            "availableThermostatModes": ["off", "heat", "cool", "heatcool", "on"],
            "thermostatTemperatureRange": {"minThresholdCelsius": 5, "maxThresholdCelsius": 35},
            "thermostatTemperatureUnit": "C",
        },
    ),
    (
        "BLINDS",
        ("OpenClose",),
        {
            "discreteOnlyOpenClose": False,
            "openDirection": ["UP", "DOWN"],
            "queryOnlyOpenClose": False,
        },
    ),
)

_STATES: Final = (
    '{"online":true,"status":"SUCCESS","on":true,"brightness":80,"color":{"spectrumRgb":16711935}}',
    '{"online":true,"status":"SUCCESS","on":false}',
    '{"online":true,"status":"SUCCESS","thermostatMode":"heat","thermostatTemperatureSetpoint":21,"thermostatTemperatureAmbient":20.5}',
    '{"online":true,"status":"SUCCESS","openState":[{"openPercent":40,"openDirection":"DOWN"}]}',
)
"""What a device of each kind answers to QUERY."""

REPORTED: Final = (
    '{"on":true,"brightness":65,"online":true}',
    '{"on":false,"online":true}',
    '{"thermostatMode":"heat","thermostatTemperatureSetpoint":21,"thermostatTemperatureAmbient":20.5,"online":true}',
    '{"openState":[{"openPercent":60,"openDirection":"DOWN"}],"online":true}',
)
"""What is reported of a device of each kind."""


def user(number: int) -> str:
    """The user here; the agent user has the same name."""
    return f"user-{number:06}"


def token(number: int) -> str:
    """The access token of a user's link."""
    return f"bench-access-token-{number:06}"


def number_of(access_token: bytes) -> int | None:
    """Whose access token it is; None when it is none."""
    found = re.fullmatch(rb"bench-access-token-([0-9]{6})", access_token)
    return int(found[1]) if found else None


def code(number: int) -> str:
    """What the login page would give a browser for a user's account."""
    return f"bench-code-{number:06}"


def number_of_code(text: bytes) -> int | None:
    """Whose code it is; None when it is none."""
    found = re.search(rb"bench-code-([0-9]{6})", text)
    return int(found[1]) if found else None


def device_id(number: int, index: int) -> str:
    """A device of a user."""
    return f"{user(number)}-device-{index:04}"


class Home:
    """One agent user's devices, as the bytes of a reply to SYNC, and to QUERY, from ``,"payload"`` on."""

    __slots__ = ("_counter", "_places", "rest", "states")

    def __init__(self, number: int, devices: int = DEVICES) -> None:
        name = user(number)
        first = _first_with(len(name))
        whose, rest, states, places = _copied(first, devices)
        self.rest = bytearray(rest.replace(whose, name.encode()))
        self.states = states.replace(whose, name.encode())
        self._places = places
        self._counter = 0

    def change_one(self) -> None:
        """Rename one device; the next call renames the next one."""
        self._counter += 1
        self._write(self._places[self._counter % len(self._places)])

    def change_all(self) -> None:
        """Rename every device."""
        self._counter += 1
        for place in self._places:
            self._write(place)

    def _write(self, place: int) -> None:
        self.rest[place : place + len(COUNTER)] = b"%08d" % self._counter


def _first_with(name_length: int) -> int:
    """The first user whose name is so long; what others with one as long say differs from what this one says by the name alone."""
    return 0 if name_length == len(user(0)) else 10 ** (name_length - len("user-") - 1)


@lru_cache(maxsize=16)
def _copied(number: int, devices: int) -> tuple[bytes, bytes, bytes, list[int]]:
    """A user's name, and what a home of his consists of, made once.

    A large database is asked for homes that nobody has asked for before. To put one together takes the stub 400 us, which is as long
    as the server needs for the call that asks for it, and would be taken for the server's slowness.
    """
    listed = ",".join(_device(number, index) for index in range(devices))
    rest = f',"payload":{{"agentUserId":"{user(number)}","devices":[{listed}]}}}}'.encode()
    states = ",".join(
        f'"{device_id(number, index)}":{_STATES[index % len(_KINDS)]}' for index in range(devices)
    )
    told = f',"payload":{{"devices":{{{states}}}}}}}'.encode()
    return user(number).encode(), rest, told, _places(rest)


def _places(text: bytes) -> list[int]:
    """Where the counters are."""
    mark = f" {COUNTER}".encode()
    places, at = [], text.find(mark)
    while at >= 0:
        places.append(at + 1)
        at = text.find(mark, at + 1)
    return places


def _device(number: int, index: int) -> str:
    """A device with everything that devices in the field have, padded to the same size for all."""
    kind, traits, attributes = _KINDS[index % len(_KINDS)]
    device = {
        "id": device_id(number, index),
        "type": f"action.devices.types.{kind}",
        "traits": [f"action.devices.traits.{trait}" for trait in traits],
        "name": {
            "name": f"{kind.title()} {index} {COUNTER}",
            "defaultNames": [f"Example {kind.title()} 3000"],
            "nicknames": [f"{kind.lower()} number {index}"],
        },
        "willReportState": True,
        "roomHint": ("Kitchen", "Living room", "Bedroom", "Hall")[index % 4],
        "attributes": attributes,
        "deviceInfo": {
            "manufacturer": "Example Devices",
            "model": f"ex-{kind.lower()}-3000",
            "hwVersion": "3.2",
            "swVersion": "11.4.1",
        },
        "customData": {"bridge": "bridge-0", "notes": ""},
    }
    missing = DEVICE_BYTES - len(_json(device))
    device["customData"] = {"bridge": "bridge-0", "notes": "x" * missing}
    return _json(device)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
