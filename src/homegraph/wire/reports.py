"""Reading reports: the call that comes most often, and the only one whose content a stranger designs.

``states`` and ``notifications`` are free JSON, by device id. Here it is only made sure that each device has an object there;
what may be in it depends on the device and is ``graph``'s business, which finds ``null`` and foreign keys. ``state_path`` spells
the place of a mistake for both of them.

Home traits and their events, an addition of 2025, are handed on as the JSON that they came as.

The fast way reads a report of two devices in about three microseconds. Two things that msgspec takes and Google's parser does
not are looked for in the bytes: nesting without bound, and integers beyond 64 bits. ``_is_tame`` says no rather too often; then
``_is_tame_inside`` looks at the values, and the slow way has the last word.

The rule that is easily broken: what ``_is_tame`` lets pass must be read to the same value by both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from homegraph.errors import CallRefused
from homegraph.wire.lenient_json import INT64_MIN, OBJECTS_DEEP_MAX, UINT64_MAX
from homegraph.wire.messages import REPORT
from homegraph.wire.proto_json import VIOLATIONS_MAX
from homegraph.wire.transcoding import (
    SURELY_SHORT_ENOUGH,
    Parameters,
    agent_user_in,
    read_strictly,
    transcode,
)

__all__ = ["ReportState", "read_report", "report_of", "state_path"]

ByDevice = dict[str, dict[str, Any]]
"""By device id an object."""


class ReportState(msgspec.Struct, frozen=True):
    """A report: new states and notifications of a user's devices.

    ``states`` has by device id the states by their names, ``notifications`` by device id the notifications by the short
    names of their traits; values are as they came, null included. ``home_traits`` and ``home_events`` are JSON lists as bytes,
    b"" when there is none.
    """

    agent_user_id: str
    request_id: str = ""
    event_id: str = ""
    follow_up_token: str = ""
    states: ByDevice = {}
    notifications: ByDevice = {}
    home_traits: bytes = b""
    home_events: bytes = b""

    @property
    def has_notifications(self) -> bool:
        """Whether there is anything but states."""
        return bool(self.notifications or self.home_traits or self.home_events)


class _StrictDevices(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    states: ByDevice | None = None
    notifications: ByDevice | None = None
    home_traits: Any = None
    home_events: Any = None


class _StrictPayload(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    devices: _StrictDevices | None = None


class _StrictReport(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    agent_user_id: str = ""
    request_id: str = ""
    event_id: str = ""
    follow_up_token: str = ""
    payload: _StrictPayload | None = None


_decode: Final = msgspec.json.Decoder(_StrictReport).decode

INT64_DIGITS: Final = 19
"""Digits of the largest integer of 64 bits. A shorter one surely fits."""

_DIGITS_AS_0_AND_LISTS_AS_OBJECTS: Final = bytes.maketrans(b"123456789[", b"000000000{")
_LONG: Final = b"0" * INT64_DIGITS

SURELY_DEEP_ENOUGH: Final = OBJECTS_DEEP_MAX // 2
"""Levels below ``devices`` that no report needs. Further down the slow way counts by Google's rule."""


def read_report(
    body: bytes,
    content_type: str | None,
    parameters: Parameters = (),
    *,
    lenient_form: bool = False,
) -> ReportState:
    """Read a call of devices:reportStateAndNotification; the arguments are those of ``api_v1.read_request_sync``.

    Raises:
        CallRefused: as ``api_v1.read_request_sync``. Without ``payload.devices`` PAYLOAD_REQUIRED; when a device has something else
            than an object, STATE_NOT_OBJECT with the fact ``wrong_fields``.
    """
    strict = read_strictly(_decode, body, content_type, parameters)
    if (
        strict is not None
        and 0 < len(strict.agent_user_id) <= SURELY_SHORT_ENOUGH
        and strict.payload is not None
        and strict.payload.devices is not None
    ):
        devices = strict.payload.devices
        if _is_tame(body) or _is_tame_inside(devices):
            return ReportState(
                strict.agent_user_id,
                strict.request_id,
                strict.event_id,
                strict.follow_up_token,
                devices.states or {},
                devices.notifications or {},
                b"" if devices.home_traits is None else _kept(devices.home_traits),
                b"" if devices.home_events is None else _kept(devices.home_events),
            )
    return report_of(transcode(REPORT, body, content_type, parameters, lenient_form=lenient_form))


def report_of(bound: Mapping[str, Any]) -> ReportState:
    """Read the fields of a ReportStateAndNotificationRequest, for a door that does not speak JSON, too.

    Raises:
        CallRefused: FIELD_REQUIRED, FIELD_TOO_LONG, PAYLOAD_REQUIRED or STATE_NOT_OBJECT.
    """
    agent_user_id = agent_user_in(bound)
    devices = bound.get("payload", {}).get("devices")
    if devices is None:
        text = "payload.devices is missing."
        raise CallRefused("PAYLOAD_REQUIRED", text, wrong_fields=(("payload.devices", text),))
    states, notifications = devices.get("states", {}), devices.get("notifications", {})
    wrong = [
        (state_path(device_id, field=name), "A device has an object here.")
        for name, by_device in (("states", states), ("notifications", notifications))
        for device_id, value in by_device.items()
        if not isinstance(value, dict)
    ]
    if wrong:
        raise CallRefused(
            "STATE_NOT_OBJECT",
            f"{wrong[0][0]} is no object.",
            wrong_fields=tuple(wrong[:VIOLATIONS_MAX]),
        )
    return ReportState(
        agent_user_id=agent_user_id,
        request_id=bound.get("request_id", ""),
        event_id=bound.get("event_id", ""),
        follow_up_token=bound.get("follow_up_token", ""),
        states=states,
        notifications=notifications,
        home_traits=_kept(devices.get("home_traits")),
        home_events=_kept(devices.get("home_events")),
    )


def _kept(value: object) -> bytes:
    return b"" if value is None else msgspec.json.encode(value)


def state_path(device_id: str, key: str = "", *, field: str = "states") -> str:
    """Spell the place of a state in a report, e.g. ``payload.devices.states["123"].on``; for a device without ``key``."""
    place = f"payload.devices.{field}[{msgspec.json.encode(device_id).decode()}]"
    return f"{place}.{key}" if key else place


# --- what msgspec takes and Google does not --------------------------------------------------------------------------


def _is_tame(body: bytes) -> bool:
    """Whether the bytes alone show that nothing is too deep and no integer too long."""
    alike = body.translate(_DIGITS_AS_0_AND_LISTS_AS_OBJECTS)
    return alike.count(b"{") <= OBJECTS_DEEP_MAX and _LONG not in alike


def _is_tame_inside(devices: _StrictDevices) -> bool:
    """The same for what was read, level by level: nothing here may recurse."""
    level: Iterable[Any] = (
        devices.states,
        devices.notifications,
        devices.home_traits,
        devices.home_events,
    )
    for _ in range(SURELY_DEEP_ENOUGH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, int) and not INT64_MIN <= value <= UINT64_MAX:
                return False
        if not below:
            return True
        level = below
    return False
