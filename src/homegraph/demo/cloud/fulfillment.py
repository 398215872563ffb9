"""The fulfillment: one address for the four intents, answered from what the cloud knows already.

The access token alone tells whose devices are meant, so it is looked at before the body is; a wrong one is answered 401, which makes a
Home Graph refresh it and ask again. An answer never waits for a device: a slow one is PENDING and reported when it is done. What a
command has changed is reported after the answer (``reporting``), because a Home Graph does not take states from answers to EXECUTE.

The rule that is easily broken: an error of one device is that device's. The answer as a whole is 200, and the others did what they
were told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homegraph.demo.cloud.commands import CommandFailed, State
from homegraph.demo.cloud.devices import Challenge, ChallengeNeeded, Device
from homegraph.demo.cloud.forms import body_of
from homegraph.demo.cloud.grants import Grant, Grants
from homegraph.demo.cloud.homes import Home
from homegraph.demo.cloud.motors import Motors
from homegraph.demo.cloud.reporting import Reporter

INTENT_PREFIX: Final = "action.devices."


class _Chosen(msgspec.Struct):
    id: str


class _Execution(msgspec.Struct):
    command: str
    params: dict[str, Any] = {}
    challenge: Challenge | None = None

    def take_follow_up_token(self) -> str:
        """The token for telling later how it has ended; it comes among the parameters and is none."""
        return str(self.params.pop("followUpToken", ""))


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


class Fulfillment:
    """``/smarthome``."""

    def __init__(
        self,
        homes: Mapping[str, Home],
        grants: Grants,
        motors: Motors,
        reporter: Reporter,
        now: Callable[[], float],
    ) -> None:
        self._homes = homes
        self._grants = grants
        self._motors = motors
        self._reporter = reporter
        self._now = now

    async def smarthome(self, request: Request) -> Response:
        """Answer an intent."""
        grant = self._grants.find(_bearer(request))
        if grant is None:
            return JSONResponse(
                {"error": "invalid_token"},
                HTTPStatus.UNAUTHORIZED,
                {"www-authenticate": 'Bearer error="invalid_token"'},
            )
        body = await body_of(request)
        try:
            intent = msgspec.json.decode(body, type=Intent)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return JSONResponse({"error": "not an intent"}, HTTPStatus.BAD_REQUEST)
        return JSONResponse(self._answer(grant, intent))

    def _answer(self, grant: Grant, intent: Intent) -> dict[str, Any]:
        home, asked = self._homes[grant.agent_user_id], intent.inputs[0]
        match asked.intent.removeprefix(INTENT_PREFIX):
            case "SYNC":
                payload = _sync(home)
            case "QUERY":
                payload = {
                    "devices": {one.id: _query(home, one.id) for one in asked.payload.devices}
                }
            case "EXECUTE":
                payload = {"commands": self._execute(home, asked.payload.commands)}
            case "DISCONNECT":
                # The user has unlinked: what was issued for this link is of no use any more.
                self._grants.end(grant)
                return {}
            case _:
                payload = {"errorCode": "notSupported"}
        return {"requestId": intent.requestId, "payload": payload}

    # --- EXECUTE ---------------------------------------------------------------------------------------------

    def _execute(self, home: Home, commands: list[_Command]) -> list[dict[str, Any]]:
        """Every device of a group gets every command of the group, in order. Each is answered for itself."""
        return [
            {"ids": [one.id], **self._carry_out(home, one.id, command.execution)}
            for command in commands
            for one in command.devices
        ]

    def _carry_out(
        self, home: Home, device_id: str, executions: list[_Execution]
    ) -> dict[str, Any]:
        device = home.devices.get(device_id)
        if device is None:
            return {"status": "ERROR", "errorCode": "deviceNotFound"}
        answer: dict[str, Any] = {}
        for execution in executions:
            try:
                answer = self._obey(home, device, execution)
            except CommandFailed as exc:
                return {"status": "ERROR", "errorCode": exc.code}
            except ChallengeNeeded as exc:
                return {
                    "status": "ERROR",
                    "errorCode": "challengeNeeded",
                    "challengeNeeded": {"type": exc.kind},
                }
        return answer

    def _obey(self, home: Home, device: Device, execution: _Execution) -> dict[str, Any]:
        token = execution.take_follow_up_token()
        states, results = device.decide(
            execution.command, execution.params, execution.challenge, self._now()
        )
        if device.is_slow:
            self._motors.start(home, device, states, token)
            return {"status": "PENDING", "states": device.states()}
        device.state |= states
        self._reporter.states_changed(home, device.id)
        return {"status": "SUCCESS", "states": device.states() | results}


def _sync(home: Home) -> dict[str, Any]:
    """All devices, whether they can be reached or not."""
    home.syncs += 1
    devices = [device.definition() for device in home.devices.values()]
    return {"agentUserId": home.agent_user_id, "devices": devices}


def _query(home: Home, device_id: str) -> State:
    device = home.devices.get(device_id)
    if device is None:
        return {"online": False, "status": "ERROR", "errorCode": "deviceNotFound"}
    return {"status": "SUCCESS", **device.states()}


def _bearer(request: Request) -> str:
    """The token of the request; empty when there is none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""
