"""The intents, from the Home Graph to a fulfillment and back: bytes <-> typed values.

Requests are written as Google writes them: compact, keys in alphabetical order, ``requestId`` a decimal uint64
(observed; the documentation's UUID is not what is sent). Replies are read in two steps, because most devices of
most replies have not changed: ``read_sync_reply`` takes the envelope apart and leaves every device as bytes,
``read_device`` looks into one. What a reply must have is checked here; what a reply should have is the business of
``graph.checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Final

import msgspec

from homegraph.errors import ReplyErrorPayload, ReplyUnusable
from homegraph.wire.json_faults import fault_of, misfit_told
from homegraph.wire.transcoding import AGENT_USER_ID_BYTES_MAX, UTF8_BYTES_MAX

SYNC: Final = "action.devices.SYNC"
DISCONNECT: Final = "action.devices.DISCONNECT"

REQUEST_HEADERS: Final[tuple[tuple[str, str], ...]] = (
    ("content-type", "application/json;charset=UTF-8"),
    ("google-assistant-api-version", "v1"),
    (
        "user-agent",
        "Mozilla/5.0 (compatible; Google-Cloud-Functions/2.1; +http://www.google.com/bot.html)",
    ),
    # Google offers br, too; we offer what we decode within a bound.
    ("accept-encoding", "gzip, deflate"),
)

PASSING_STATUSES: Final = frozenset({408, 425, 429, *range(500, 600)})
"""What says "not now" to an intent that may be right: the fulfillment failed, or has no time (RFC 9110, 8470, 6585)."""

RETRY_AFTER_SECONDS_MAX: Final = 3_600.0
"""What a fulfillment can ask for at most: a wrong clock or a slip of the pen must not put requests off for days."""

REDIRECTS: Final = range(300, 400)
"""What is not followed."""

DEVICES_MAX: Final = 5_000
"""Devices of one reply. Google publishes no limit; this one keeps a runaway reply from filling the store."""

DEVICE_ID_BYTES_MAX: Final = 1_024
"""UTF-8 bytes of a device's id. Google publishes no limit; ids are keys, and no index of PostgreSQL takes one of 3,000 bytes."""

TEXT_MAX: Final = 300
"""Characters of a foreign text that are quoted in our messages."""


class SyncReply(msgspec.Struct, frozen=True):
    """A SYNC reply's envelope. ``devices`` are the devices' own bytes; ``agent_user_id`` is empty when it is missing.

    They are places in the body, not copies: nearly all of them are hashed and then forgotten. Whoever keeps one copies it.
    """

    request_id: str
    agent_user_id: str
    devices: tuple[msgspec.Raw, ...]


class DeviceDefinition(msgspec.Struct, frozen=True):
    """One device of a SYNC reply: what we need to know of it, and its bytes for all the rest.

    ``attributes`` are JSON, b"" for none; the same bytes for two devices that differ in the order of members only.
    ``notifies`` is ``notificationSupportedByAgent``: whether the device may send notifications.
    """

    id: str
    type: str
    traits: tuple[str, ...]
    name: str
    room_hint: str
    written: bytes
    attributes: bytes = b""
    notifies: bool = False

    def members(self) -> dict[str, Any]:
        """Everything that stands in it, read anew with each call."""
        return _members_decoder.decode(self.written)


class _Payload(msgspec.Struct):
    agentUserId: str | None = None  # noqa: N815
    errorCode: str | None = None  # noqa: N815
    debugString: str | None = None  # noqa: N815
    devices: list[msgspec.Raw] | None = None


class _Reply(msgspec.Struct):
    requestId: str | None = None  # noqa: N815
    payload: _Payload | None = None


class _Name(msgspec.Struct):
    name: str


class _Device(msgspec.Struct):
    id: str
    type: str
    traits: tuple[str, ...]
    name: _Name
    roomHint: str | None = None  # noqa: N815
    willReportState: bool | None = None  # noqa: N815
    notificationSupportedByAgent: bool | None = None  # noqa: N815
    attributes: dict[str, Any] | None = None
    customData: dict[str, Any] | None = None  # noqa: N815


_reply_decoder: Final = msgspec.json.Decoder(_Reply)
_device_decoder: Final = msgspec.json.Decoder(_Device)
_members_decoder: Final = msgspec.json.Decoder(dict[str, Any])


def sync_request(request_id: str) -> bytes:
    """The body of a SYNC intent."""
    return _bare(SYNC, request_id)


def disconnect_request(request_id: str) -> bytes:
    """The body of a DISCONNECT intent. Whatever is answered to it means the same."""
    return _bare(DISCONNECT, request_id)


def _bare(intent: str, request_id: str) -> bytes:
    """An intent that has nothing to say but its name."""
    return b'{"inputs":[{"intent":"%b"}],"requestId":"%b"}' % (intent.encode(), request_id.encode())


def read_sync_reply(body: bytes) -> SyncReply:
    """Take a SYNC reply apart.

    Raises:
        ReplyErrorPayload: the fulfillment reports an error, whatever else the reply holds.
        ReplyUnusable: not JSON, or not an object with ``payload.devices``; the message names the place. Or it names an agent
            user that no call could name.
    """
    try:
        reply = _reply_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ReplyUnusable(why_unreadable("SYNC", body, str(exc))) from exc
    payload = reply.payload
    if payload is None:
        raise ReplyUnusable("The reply to SYNC has no payload.")
    if payload.errorCode:
        raise error_payload("SYNC", payload.errorCode, payload.debugString)
    if payload.devices is None:
        raise ReplyUnusable("The reply to SYNC has no payload.devices.")
    if len(payload.devices) > DEVICES_MAX:
        raise ReplyUnusable(
            f"The reply to SYNC lists {len(payload.devices)} devices; {DEVICES_MAX} are allowed."
        )
    named = payload.agentUserId or ""
    if is_longer(named, AGENT_USER_ID_BYTES_MAX):
        raise ReplyUnusable(
            f"The reply to SYNC has a payload.agentUserId of more than {AGENT_USER_ID_BYTES_MAX} bytes."
            " No call could name such an agent user.",
            hint="Answer with a short, opaque id for the user, such as an account number.",
        )
    return SyncReply(reply.requestId or "", named, tuple(payload.devices))


def error_payload(intent: str, error_code: str, debug: str | None) -> ReplyErrorPayload:
    """What a fulfillment says when it cannot answer an intent at all."""
    said = quoted(error_code) + (f" ({quoted(debug)})" if debug else "")
    return ReplyErrorPayload(f"The fulfillment answered {intent} with errorCode {said}")


def why_unreadable(intent: str, body: bytes, said: str) -> str:
    """Why the reply to an intent cannot be read; ``said`` is the parser's word, which is good for JSON of another shape only."""
    if fault := fault_of(body):
        return quoted(fault.told_of(f"The reply to {intent}"))
    return f"The reply to {intent} cannot be used: {quoted(misfit_told(said))}."


def read_device(definition: bytes) -> DeviceDefinition:
    """Look into one device.

    Raises:
        ReplyUnusable: a required member is missing or of the wrong type. Google refuses the whole reply for it.
    """
    try:
        device = _device_decoder.decode(definition)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ReplyUnusable(f"A device cannot be used: {quoted(str(exc))}") from exc
    if not device.id:
        raise ReplyUnusable("A device has an empty id.")
    return DeviceDefinition(
        device.id,
        device.type,
        device.traits,
        device.name.name,
        device.roomHint or "",
        definition,
        attributes_of(device.attributes),
        bool(device.notificationSupportedByAgent),
    )


def device_of(members: dict[str, Any], definition: bytes) -> DeviceDefinition:
    """A device whose members are read already, and are known to be right."""
    return DeviceDefinition(
        members["id"],
        members["type"],
        tuple(members["traits"]),
        members["name"]["name"],
        members.get("roomHint") or "",
        definition,
        attributes_of(members.get("attributes")),
        bool(members.get("notificationSupportedByAgent")),
    )


def attributes_of(attributes: Mapping[str, Any] | None) -> bytes:
    """``DeviceDefinition.attributes`` of attributes that are read."""
    return msgspec.json.encode(attributes, order="sorted") if attributes else b""


def is_longer(id_: str, bytes_max: int) -> bool:
    """Whether an id has more bytes than that. Most have few, and are not counted."""
    return (
        len(id_) * UTF8_BYTES_MAX > bytes_max
        and len(id_.encode(errors="surrogatepass")) > bytes_max
    )


def refusal_told(status: int, headers: Mapping[str, str]) -> str:
    """What an answer without success says by its head; header names are in lower case."""
    told = f"The fulfillment answered HTTP {status}"
    # A query may hold what is nobody's business.
    where = headers.get("location", "").partition("?")[0].partition("#")[0]
    if status in REDIRECTS and where:
        told += f", a redirect to {quoted(where)}"
    return f"{told}."


def retry_at(headers: Mapping[str, str], now: float) -> float:
    """When an answer without success wants to be asked again (RFC 9110, 10.2.3): seconds since 1970, 0 if it does not say.

    ``Retry-After`` has seconds or a date. What cannot be read, or lies behind, is no wish.
    """
    wish = headers.get("retry-after", "")
    if wish.isascii() and wish.isdigit():
        seconds = float(wish)  # infinite, of very many digits
    else:
        date = parsedate_tz(wish)
        if date is None:
            return 0.0
        try:
            seconds = mktime_tz((*date[:9], date[9] or 0)) - now
        except (ValueError, OverflowError):
            return 0.0
    return now + min(seconds, RETRY_AFTER_SECONDS_MAX) if seconds > 0 else 0.0


def quoted(text: str) -> str:
    """A foreign text, cut, as it may stand in a message of ours."""
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
