"""The calls of the Home Graph API as values: what is sent, and what an answer means. Nothing is sent in here.

Each function makes a ``Call``. ``Call.request`` turns it into a ``Request`` for one base URL and one credential, a transport
turns that into a ``Response``, and ``Call.result`` says what it means: the call's value, or an error. Whoever has an HTTP
stack of their own can use these alone; ``flow`` adds tokens and repetition.

``timeout`` and ``repeatable`` are Google's published policy for its own clients: Query, Sync and DeleteAgentUser may be sent
again after UNAVAILABLE or DEADLINE_EXCEEDED, RequestSyncDevices and ReportStateAndNotification never.

The rules that are easily broken: a credential must not get into anything that is printed. It travels as a header, because
addresses end up in logs, and headers are left out of ``repr``. And values go out as they were given: what may be in a state or
an id is the server's decision, which explains it better than a client could.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from homegraph.errors import ApiError, SettingsError
from homegraph.wire.status import parse_error

__all__ = [
    "TIMEOUT_SECONDS",
    "TIMEOUT_SYNC_SECONDS",
    "Call",
    "Request",
    "Response",
    "States",
    "delete_agent_user",
    "query",
    "report_state",
    "request_sync",
    "sync",
]

TIMEOUT_SYNC_SECONDS: Final = 70.0
"""For a Request Sync that waits: the Home Graph gives up after 60 s and says so; ten more let that answer arrive."""

TIMEOUT_SECONDS: Final = 10.0
"""For every other call, as Google's own clients have it."""

OK: Final = 200
REDIRECTS: Final = range(300, 400)

_CONTENT_TYPE: Final = (("content-type", "application/json"),)

DOTS: Final = frozenset((".", ".."))
"""What every HTTP library resolves in a path before it is sent, escaped or not."""

_EMPTY: Final = (b"{}", b"{}\n")
"""What nearly every success consists of, ours and Google's."""

_ENCODER: Final = json.JSONEncoder(allow_nan=False)

T = TypeVar("T")

States = Mapping[str, Mapping[str, Any]]
"""By device id, what is said of the device: members and their JSON values."""


class Request(msgspec.Struct, frozen=True):
    """One HTTP request. ``timeout`` is in seconds, for everything from connecting to the last byte of the answer."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout: float

    def __repr__(self) -> str:
        return f"Request(method={self.method!r}, url={self.url!r}, timeout={self.timeout!r})"


class Response(msgspec.Struct, frozen=True):
    """One HTTP answer, read to its end. Names of headers are in lower case; of repeated ones the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One call of the API.

    ``path`` begins with a slash and has the query. ``timeout`` is in seconds. ``repeatable``: it may be sent again when the
    Home Graph was not there. ``read`` takes the JSON object of a success; a ValueError of it means that this is no answer.
    """

    method: str
    path: str
    body: bytes
    read: Callable[[dict[str, Any]], T]
    timeout: float = TIMEOUT_SECONDS
    repeatable: bool = False

    def __repr__(self) -> str:
        return f"Call(method={self.method!r}, path={self.path!r}, repeatable={self.repeatable!r})"

    def request(
        self, base_url: str, credential: Iterable[tuple[str, str]], timeout: float | None = None
    ) -> Request:
        """Make the HTTP request; ``credential`` are the headers that say who calls."""
        return Request(
            self.method,
            base_url + self.path,
            (*_CONTENT_TYPE, *credential) if self.body else (*credential,),
            self.body,
            self.timeout if timeout is None else timeout,
        )

    def result(self, response: Response) -> T:
        """What the answer brings.

        Raises:
            ApiError: it is not success; carries all that the answer says.
        """
        if response.status == OK:
            try:
                return self.read(_answer(response.body))
            except (ValueError, RecursionError):
                pass
            raise _not_a_home_graph(response, "answered 200 with something else than an answer")
        if response.status in REDIRECTS:
            # The address may quote what was sent, so that only its host is shown.
            host = urlsplit(response.headers.get("location", "")).hostname or "another address"
            raise _not_a_home_graph(
                response, f"redirects to {host}, and redirects are not followed"
            )
        raise parse_error(response.status, response.body)


# --- the five calls --------------------------------------------------------------------------------------------------


def request_sync(agent_user_id: str, *, async_: bool = False) -> Call[None]:
    """Ask for a SYNC of this agent user.

    ``async_`` false: the call lasts until the SYNC is done and tells its outcome. True: it is queued and merged with
    others, and answered at once.

    Raises:
        TypeError: the id is no text.
    """
    # Made for every user of a fan-out, so it is put together by hand: _json takes ten times as long.
    more = ', "async": true' if async_ else ""
    if not isinstance(agent_user_id, str):
        raise TypeError(f"agent_user_id is text, not {type(agent_user_id).__name__}.")
    body = f'{{"agentUserId": {encode_basestring_ascii(agent_user_id)}{more}}}'.encode()
    timeout = TIMEOUT_SECONDS if async_ else TIMEOUT_SYNC_SECONDS
    return Call("POST", "/v1/devices:requestSync", body, _nothing, timeout)


def report_state(
    agent_user_id: str,
    states: States,
    *,
    notifications: States | None = None,
    request_id: str = "",
    event_id: str = "",
) -> Call[None]:
    """Tell the states of devices, and what has happened to them.

    ``states`` has for each device id its states, flat, as QUERY has them: ``{"lamp-1": {"on": True, "brightness": 40}}``. Of each
    trait that is mentioned all states belong in; the others keep theirs. ``notifications`` has for each device id what the
    traits notify.

    Raises:
        TypeError: states or notifications are not by device id, or something in them is no JSON value.
        ValueError: a number in them is not finite, or something contains itself.
    """
    devices: dict[str, Any] = {}
    if states or notifications is None:
        devices["states"] = _by_device(states)
    if notifications is not None:
        devices["notifications"] = _by_device(notifications)
    message = {
        **_given(requestId=request_id, eventId=event_id),
        "agentUserId": agent_user_id,
        "payload": {"devices": devices},
    }
    return Call("POST", "/v1/devices:reportStateAndNotification", _json(message), _nothing)


def query(
    agent_user_id: str, device_ids: Iterable[str], *, request_id: str = ""
) -> Call[dict[str, dict[str, Any]]]:
    """Ask for the states that the Home Graph has of some devices; answers with them by device id.

    Raises:
        TypeError: one id was given in place of several.
    """
    if isinstance(device_ids, str):
        raise TypeError("device_ids are several ids: a list, even of one.")
    message = {
        **_given(requestId=request_id),
        "agentUserId": agent_user_id,
        "inputs": [{"payload": {"devices": [{"id": one} for one in device_ids]}}],
    }
    return Call("POST", "/v1/devices:query", _json(message), _queried, repeatable=True)


def sync(agent_user_id: str, *, request_id: str = "") -> Call[list[dict[str, Any]]]:
    """Ask for the devices that the Home Graph has of an agent user; answers with them in the form of SYNC."""
    message = {**_given(requestId=request_id), "agentUserId": agent_user_id}
    return Call("POST", "/v1/devices:sync", _json(message), _synced, repeatable=True)


def delete_agent_user(agent_user_id: str, *, request_id: str = "") -> Call[None]:
    """Have the Home Graph forget an agent user: links, devices and states.

    The id stands in the path: slashes as they are, everything else escaped (``{agent_user_id=agentUsers/**}``).

    Raises:
        SettingsError: the id is "." or "..", which no HTTP library can send.
    """
    if agent_user_id in DOTS:
        raise SettingsError(
            "An id that is only dots cannot be a part of an address.",
            place="agent_user_id",
            hint="Unlink its users instead: `homegraph links unlink`.",
        )
    # In "a/../b" a slash that is one would have HTTP libraries delete b.
    slash = "" if DOTS.intersection(agent_user_id.split("/")) else "/"
    wanted = urlencode(_given(requestId=request_id), errors="surrogatepass")
    path = f"/v1/agentUsers/{quote(agent_user_id, safe=slash, errors='surrogatepass')}"
    return Call("DELETE", f"{path}?{wanted}" if wanted else path, b"", _nothing, repeatable=True)


# --- writing ---------------------------------------------------------------------------------------------------------


def _json(message: Mapping[str, Any]) -> bytes:
    # json, not msgspec: a lone surrogate in an id is the server's business to refuse, not ours to trip over.
    return _ENCODER.encode(message).encode()


def _given(**texts: str) -> dict[str, str]:
    """The members that have something in them."""
    return {name: text for name, text in texts.items() if text}


def _by_device(said: States) -> dict[str, dict[str, Any]]:
    if not isinstance(said, Mapping):
        raise TypeError('states and notifications stand by device id: {"lamp-1": {"on": True}}.')
    return {device_id: dict(members) for device_id, members in said.items()}


# --- reading ---------------------------------------------------------------------------------------------------------


def _answer(body: bytes) -> dict[str, Any]:
    """The JSON object of a success. Raises ValueError, RecursionError."""
    return {} if body in _EMPTY else _object(json.loads(body))


def _nothing(_answer: dict[str, Any]) -> None:
    """Success is the answer, whatever else may come to stand in it."""


def _queried(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    devices = _object(_object(answer.get("payload", {})).get("devices", {}))
    return {device_id: _object(states) for device_id, states in devices.items()}


def _synced(answer: dict[str, Any]) -> list[dict[str, Any]]:
    devices = _object(answer.get("payload", {})).get("devices", [])
    if not isinstance(devices, list):
        raise ValueError("not a list")  # noqa: TRY004  # see Call.read
    return [_object(device) for device in devices]


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  # see Call.read
    return value


def _not_a_home_graph(response: Response, what: str) -> ApiError:
    return ApiError(
        f"The server {what}.",
        http_status=response.status,
        status="UNKNOWN",
        reason="NOT_A_HOME_GRAPH",
        hint="Check the base URL: something other than a Home Graph answers there.",
        body=response.body.decode(errors="replace"),
    )
