"""What a real cloud does not have: everybody may look at the devices, add some and switch them, without signing in.

It stands for the buttons on the walls and the apps of other people, so that whoever tries the sample can cause news.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from homegraph.demo.cloud.devices import Device
from homegraph.demo.cloud.homes import DEVICES_MAX, Home
from homegraph.demo.cloud.reporting import Reporter

NAME_CHARACTERS_MAX: Final = 60
"""Google cuts longer names off."""


class Playground:
    """``/`` and ``/devices``; ``user`` in the query is the agent user id, that of the first home without it."""

    def __init__(
        self, homes: Mapping[str, Home], reporter: Reporter, is_linked: Callable[[str], bool]
    ) -> None:
        self._homes = homes
        self._is_linked = is_linked
        self._reporter = reporter
        self.announces = True
        """Whether a new device is followed by Request Sync. The demo leaves that to its reader."""

    async def page(self, request: Request) -> Response:
        """Whether a home is linked, and what it has, with states."""
        home = self._home(request)
        if home is None:
            return _refused("there is no such user", HTTPStatus.NOT_FOUND)
        devices = [one.definition() | {"state": one.state} for one in home.devices.values()]
        user = home.agent_user_id
        return _readable({"agentUserId": user, "linked": self._is_linked(user), "devices": devices})

    async def add(self, request: Request) -> Response:
        """Add an outlet of the given name."""
        home = self._home(request)
        if home is None:
            return _refused("there is no such user", HTTPStatus.NOT_FOUND)
        name = request.query_params.get("name", "").strip()
        if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
            return _refused("say ?name=…, at most 60 characters", HTTPStatus.BAD_REQUEST)
        if len(home.devices) >= DEVICES_MAX:
            return _refused("there are enough devices", HTTPStatus.CONFLICT)
        ids = (f"outlet-{n}" for n in range(1, DEVICES_MAX + 1))
        device_id = next(one for one in ids if one not in home.devices)
        device = Device(device_id, "OUTLET", name, ["OnOff"], {"on": False})
        home.add(device)
        if self.announces:
            self._reporter.list_changed(home)
        return _readable(device.definition(), HTTPStatus.CREATED)

    async def toggle(self, request: Request) -> Response:
        """Press the button of a device that can be switched on and off."""
        home = self._home(request)
        device = home.devices.get(request.path_params["device_id"]) if home is not None else None
        if home is None or device is None or "on" not in device.state:
            return _refused("there is no such device with a button", HTTPStatus.NOT_FOUND)
        device.state["on"] = not device.state["on"]
        self._reporter.states_changed(home, device.id)
        return _readable(device.states())

    def _home(self, request: Request) -> Home | None:
        return self._homes.get(request.query_params.get("user", next(iter(self._homes))))


def _refused(text: str, status: HTTPStatus) -> Response:
    return _readable({"error": text}, status)


def _readable(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """JSON for somebody who looks at it in a terminal."""
    return Response(json.dumps(value, indent=2) + "\n", status, media_type="application/json")
