"""A device cloud: what a lamp maker runs, small, and right on the wire.

It has one account, answers the four intents at ``/smarthome`` for whoever shows a token it has issued, refreshes tokens at
``/token``, and lists its devices at ``/`` for people. It knows nothing of the Home Graph that it talks to, and nothing of
homegraph is imported here but the devices next door, and the door that any application could be served at: whatever works with
this cloud works for the wire's sake.

Two rules of the wire that are easily broken. The token alone tells whose devices are meant, so it is checked before a
body is looked at; a wrong one is answered 401, which is what makes a Home Graph refresh it. And a refresh brings another token
than before, while the old one stays good: the Home Graph may have been interrupted between hearing of the new one and
storing it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from homegraph.demo.virtual import CommandFailed, State, VirtualDevice, first_devices
from homegraph.server.doors import answering, listen
from homegraph.settings.addresses import ListenAddress

CLIENT_ID: Final = "homegraph"

TOKEN_SECONDS: Final = 3600
"""How long a token is said to be good. This cloud forgets none by itself."""

DEVICES_MAX: Final = 100
"""Whoever plays with the demo adds a handful."""

NAME_CHARACTERS_MAX: Final = 60
"""Google cuts longer names off."""

BODY_MAX_BYTES: Final = 1024 * 1024
"""An EXECUTE for every device of a large home has some 100 KB."""

GRACE_SECONDS: Final = 1
"""For answers that are being written when the cloud closes."""

INTENT_PREFIX: Final = "action.devices."


class _Chosen(msgspec.Struct):
    id: str


class _Execution(msgspec.Struct):
    command: str
    params: dict[str, Any] = {}


class _Command(msgspec.Struct):
    devices: list[_Chosen]
    execution: list[_Execution]


class _Payload(msgspec.Struct):
    devices: list[_Chosen] = []
    commands: list[_Command] = []


class _Input(msgspec.Struct):
    intent: str
    payload: _Payload = msgspec.field(default_factory=_Payload)


class Intent(msgspec.Struct):
    """An intent as it comes in. There is exactly one input in practice."""

    requestId: str  # noqa: N815
    inputs: Annotated[list[_Input], msgspec.Meta(min_length=1, max_length=1)]


class DeviceCloud:
    """One account and its devices. ``app`` is the ASGI application, ``syncs`` counts the SYNCs it has answered."""

    def __init__(self, secret: Callable[[], str], *, agent_user_id: str = "user-1") -> None:
        """``secret`` makes a fresh secret with every call."""
        self._secret = secret
        self.agent_user_id = agent_user_id
        self.client_secret = secret()
        self.refresh_token = secret()
        self.access_token = secret()
        self._tokens = {self.access_token}
        self.devices = {device.id: device for device in first_devices()}
        self.syncs = 0
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/devices", self._add_by_call, methods=["POST"]),
                Route("/smarthome", self.smarthome, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    # --- what happens at the cloud ---------------------------------------------------------------------------

    def add(self, device: VirtualDevice) -> None:
        """The user has a new device."""
        self.devices[device.id] = device

    def rename(self, device_id: str, name: str) -> None:
        """The user calls a device otherwise, in the app of the cloud."""
        self.devices[device_id].name = name

    def add_trait(
        self, device_id: str, trait: str, *, attributes: dict[str, Any], state: State
    ) -> None:
        """A device has learned something, by an update."""
        device = self.devices[device_id]
        device.traits = [*device.traits, trait]
        device.attributes = device.attributes | attributes
        device.state |= state

    def remove(self, device_id: str) -> None:
        """A device is gone."""
        del self.devices[device_id]

    def expire_tokens(self) -> None:
        """Every access token ends now; the refresh token is good for another one."""
        self._tokens.clear()

    # --- the wire --------------------------------------------------------------------------------------------

    async def smarthome(self, request: Request) -> Response:
        """The fulfillment: one address for all intents."""
        if not self._is_ours(request.headers.get("authorization", "")):
            return JSONResponse({"error": "invalid_token"}, HTTPStatus.UNAUTHORIZED)
        body = await _body(request)
        try:
            intent = msgspec.json.decode(body, type=Intent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return JSONResponse({"error": "not an intent"}, HTTPStatus.BAD_REQUEST)
        return JSONResponse(self._answer(intent))

    def _is_ours(self, authorization: str) -> bool:
        kind, _, token = authorization.partition(" ")
        known = [hmac.compare_digest(token.encode(), one.encode()) for one in self._tokens]
        return kind.lower() == "bearer" and any(known)

    def _answer(self, intent: Intent) -> dict[str, Any]:
        first = intent.inputs[0]
        match first.intent.removeprefix(INTENT_PREFIX):
            case "SYNC":
                payload = self._sync()
            case "QUERY":
                payload = {
                    "devices": {one.id: self._query(one.id) for one in first.payload.devices}
                }
            case "EXECUTE":
                payload = {"commands": self._execute(first.payload.commands)}
            case "DISCONNECT":
                # The user has unlinked: what was issued for him is of no use any more.
                self._tokens.clear()
                self.refresh_token = self._secret()
                return {}
            case _:
                payload = {"errorCode": "notSupported"}
        return {"requestId": intent.requestId, "payload": payload}

    def _sync(self) -> dict[str, Any]:
        self.syncs += 1
        devices = [device.definition() for device in self.devices.values()]
        return {"agentUserId": self.agent_user_id, "devices": devices}

    def _query(self, device_id: str) -> State:
        device = self.devices.get(device_id)
        if device is None:
            return {"online": False, "status": "ERROR", "errorCode": "deviceNotFound"}
        return device.answer_query()

    def _execute(self, commands: list[_Command]) -> list[dict[str, Any]]:
        return [
            {"ids": [one.id], **self._carry_out(one.id, command.execution)}
            for command in commands
            for one in command.devices
        ]

    def _carry_out(self, device_id: str, executions: list[_Execution]) -> dict[str, Any]:
        device = self.devices.get(device_id)
        if device is None:
            return {"status": "ERROR", "errorCode": "deviceNotFound"}
        try:
            for execution in executions:
                device.obey(execution.command, execution.params)
        except CommandFailed as exc:
            return {"status": "ERROR", "errorCode": exc.code}
        return {"status": "SUCCESS", "states": {"online": True, **device.state}}

    async def _token(self, request: Request) -> Response:
        """The token endpoint; it knows one grant type, for accounts are not linked here but adopted."""
        fields = parse_qs((await _body(request)).decode(errors="replace"))
        given = {name: values[0] for name, values in fields.items()}
        if given.get("grant_type") != "refresh_token":
            return JSONResponse({"error": "unsupported_grant_type"}, HTTPStatus.BAD_REQUEST)
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, self.client_secret):
            return JSONResponse({"error": "invalid_client"}, HTTPStatus.UNAUTHORIZED)
        if given.get("refresh_token") != self.refresh_token:
            return JSONResponse({"error": "invalid_grant"}, HTTPStatus.BAD_REQUEST)
        # The former one stays good, see above; older ones would only pile up.
        former, self.access_token = self.access_token, self._secret()
        self._tokens = self._tokens & {former} | {self.access_token}
        return JSONResponse(
            {
                "token_type": "Bearer",
                "access_token": self.access_token,
                "expires_in": TOKEN_SECONDS,
            }
        )

    # --- for people ------------------------------------------------------------------------------------------

    async def _page(self, _request: Request) -> Response:
        """What the cloud has, with states."""
        devices = [
            device.definition() | {"state": device.state} for device in self.devices.values()
        ]
        return _readable({"agentUserId": self.agent_user_id, "devices": devices})

    async def _add_by_call(self, request: Request) -> Response:
        """Add an outlet of the given name, so that whoever tries the demo can cause news of their own."""
        name = request.query_params.get("name", "").strip()
        if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
            return _readable(
                {"error": "say ?name=…, at most 60 characters"}, HTTPStatus.BAD_REQUEST
            )
        if len(self.devices) >= DEVICES_MAX:
            return _readable({"error": "there are enough devices"}, HTTPStatus.CONFLICT)
        device_id = next(
            one for n in range(1, DEVICES_MAX + 1) if (one := f"outlet-{n}") not in self.devices
        )
        device = VirtualDevice(device_id, "OUTLET", name, ["OnOff"], {"on": False})
        self.add(device)
        return _readable(device.definition(), HTTPStatus.CREATED)


def _readable(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """JSON for somebody who looks at it in a terminal."""
    text = json.dumps(value, indent=2) + "\n"
    return Response(text, status, media_type="application/json")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(body)


@asynccontextmanager
async def opened(cloud: DeviceCloud) -> AsyncIterator[str]:
    """Serve the cloud on a free port of this machine; gives its address, without a slash at the end."""
    with listen(ListenAddress("127.0.0.1"), "the device cloud") as listening:
        async with answering(cloud.app, listening, grace_seconds=GRACE_SECONDS):
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
