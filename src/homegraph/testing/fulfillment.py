"""A scripted fulfillment: the developer's side of the wire, for tests.

A real HTTP server in threads of its own, so that it serves synchronous and asynchronous tests alike, and a server in
another process as well. It checks the bearer, knows several homes by their token, refreshes tokens, and records every
call. A test can script the next answers: another status, any bytes, a reply that is held until the test lets it go.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs

WAIT_SECONDS: Final = 20.0
"""How long a test waits for something that is to happen; only a failing test waits that long."""


SYNC: Final = "action.devices.SYNC"
QUERY: Final = "action.devices.QUERY"
EXECUTE: Final = "action.devices.EXECUTE"
DISCONNECT: Final = "action.devices.DISCONNECT"
TOKEN: Final = "token"  # noqa: S105  # a path


def lamp(device_id: str, name: str | None = None, **members: Any) -> dict[str, Any]:
    """A light that can be switched, as SYNC lists it; ``members`` are added or replace the usual ones."""
    return {
        "id": device_id,
        "type": "action.devices.types.LIGHT",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": name or device_id},
        "willReportState": False,
        **members,
    }


@dataclass(slots=True)
class Home:
    """What a token opens: an agent user and its devices."""

    agent_user_id: str = "user-1"
    devices: list[dict[str, Any]] = field(default_factory=lambda: [lamp("lamp")])
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What QUERY is answered with; a device that is not in it is online, and that is all that is known."""


@dataclass(slots=True)
class Answer:
    """A scripted answer; ``hold`` delays it until the event is set, at most ``hold_seconds``."""

    status: int = HTTPStatus.OK
    body: bytes | None = None
    headers: Sequence[tuple[str, str]] = ()
    hold: threading.Event | None = None
    hold_seconds: float = WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class Call:
    """One request that came in. ``number`` counts from 0; ``body`` is parsed JSON, or the form of a token request.

    ``at`` is when it had come in, by ``time.monotonic``.
    """

    number: int
    at: float
    path: str
    token: str
    headers: dict[str, str]
    raw: bytes
    body: Any

    @property
    def intent(self) -> str:
        """``action.devices.SYNC``, or empty for a token request."""
        inputs = self.body.get("inputs") if isinstance(self.body, dict) else None
        return str(inputs[0]["intent"]) if inputs else ""


class ScriptedFulfillment:
    """A device cloud whose behaviour a test writes."""

    def __init__(self) -> None:
        self.homes: dict[str, Home] = {"token-1": Home()}
        self.refresh_tokens: dict[str, str] = {}
        """Refresh token to the access token that it buys; unknown ones get ``invalid_grant``."""
        self.rotating = False
        """Whether each refresh token is good for one refresh, which brings another one; a spent one that comes back costs the grant."""
        self.forgiving = False
        """Whether a rotated refresh token is accepted until the one that took its place was used, as Google asks for."""
        self.calls: list[Call] = []
        self._scripts: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.cloud = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- what a test says ------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The fulfillment URL."""
        return f"http://127.0.0.1:{self._server.server_port}/smarthome"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}/token"

    @property
    def home(self) -> Home:
        """The only home of a simple test."""
        return self.homes["token-1"]

    def answer_next(self, *answers: Answer) -> None:
        """Answer the next SYNCs with these; after them everything is as usual."""
        self._scripts[SYNC].extend(answers)

    def answer_query_next(self, *answers: Answer) -> None:
        """The same for QUERY."""
        self._scripts[QUERY].extend(answers)

    def answer_execute_next(self, *answers: Answer) -> None:
        """The same for EXECUTE."""
        self._scripts[EXECUTE].extend(answers)

    def answer_disconnect_next(self, *answers: Answer) -> None:
        """The same for DISCONNECT."""
        self._scripts[DISCONNECT].extend(answers)

    def answer_token_next(self, *answers: Answer) -> None:
        """The same for the token endpoint."""
        self._scripts[TOKEN].extend(answers)

    # --- what a test asks ------------------------------------------------------------------------------------

    def intents(self, intent: str = SYNC) -> list[Call]:
        """The calls with this intent."""
        return [call for call in self.calls if call.intent == intent]

    def wait_for(self, count: int, intent: str = SYNC) -> list[Call]:
        """Wait until ``count`` SYNCs (or other intents) have come in; they may not be answered yet."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.intents(intent)) >= count, WAIT_SECONDS):
                raise AssertionError(
                    f"{len(self.intents(intent))} of {intent} came in, not {count}"
                )
            return self.intents(intent)

    # --- the wire --------------------------------------------------------------------------------------------

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> Answer:
        """Record a call and choose its answer."""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        is_token_request = path == "/token"
        body: Any = parse_qs(raw.decode()) if is_token_request else _json(raw)
        with self._changed:
            number, at = len(self.calls), time.monotonic()
            self.calls.append(Call(number, at, path, token, headers, raw, body))
            script = self._scripts[TOKEN if is_token_request else self.calls[-1].intent]
            scripted = script.popleft() if script else Answer()
            self._changed.notify_all()
        if scripted.hold is not None:
            scripted.hold.wait(scripted.hold_seconds)
        if scripted.body is not None or scripted.status != HTTPStatus.OK:
            return scripted
        return self._refresh(body) if is_token_request else self._intent(token, body)

    def _intent(self, token: str, body: Any) -> Answer:
        home = self.homes.get(token)
        if home is None:
            return Answer(HTTPStatus.UNAUTHORIZED, b'{"error":"invalid_token"}')
        payload: dict[str, Any]
        if body["inputs"][0]["intent"] == DISCONNECT:
            return _json_answer({})
        if body["inputs"][0]["intent"] == EXECUTE:
            payload = {"commands": [_done(one) for one in body["inputs"][0]["payload"]["commands"]]}
        elif body["inputs"][0]["intent"] == QUERY:
            asked = body["inputs"][0]["payload"]["devices"]
            payload = {"devices": {one["id"]: _state(home, one["id"]) for one in asked}}
        else:
            payload = {"agentUserId": home.agent_user_id, "devices": home.devices}
        return _json_answer({"requestId": body["requestId"], "payload": payload})

    def _refresh(self, form: dict[str, list[str]]) -> Answer:
        spent = form.get("refresh_token", [""])[0]
        tokens = {"token_type": "Bearer", "expires_in": 3600}
        with self._changed:
            access = self.refresh_tokens.get(spent)
            if access is None:
                if self.rotating:
                    self.refresh_tokens.clear()
                return Answer(HTTPStatus.BAD_REQUEST, b'{"error":"invalid_grant"}')
            if self.rotating:
                tokens["refresh_token"] = f"{spent}-next"
                former = {spent: access} if self.forgiving else {}
                self.refresh_tokens = {f"{spent}-next": f"{access}-next", **former}
        return _json_answer({**tokens, "access_token": access})


def _done(group: dict[str, Any]) -> dict[str, Any]:
    """The answer of devices that do what they are told: their states are the parameters."""
    states = {"online": True, **group["execution"][0]["params"]}
    return {"ids": [one["id"] for one in group["devices"]], "status": "SUCCESS", "states": states}


def _state(home: Home, device_id: str) -> dict[str, Any]:
    return {"online": True, "status": "SUCCESS", **home.states.get(device_id, {})}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    cloud: ScriptedFulfillment

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # head and body in one packet: two of them wait 40 ms for a delayed ACK
    server: _Server

    def do_POST(self) -> None:  # the name is the base class's
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw = self.rfile.read(int(headers.get("content-length", "0")))
        answer = self.server.cloud.take(self.path, headers, raw)
        body = answer.body or b""
        self.send_response(answer.status)
        for name, value in answer.headers or (("Content-Type", "application/json"),):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Calls are recorded, not printed."""


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _json_answer(value: Any) -> Answer:
    return Answer(HTTPStatus.OK, json.dumps(value).encode())
