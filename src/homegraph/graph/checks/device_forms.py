"""The right form of a device in an answer to SYNC: which members it has, and of what type.

A msgspec type says it, so that a device in which nothing is wrong is read and checked in one go. What is wrong with another one, ``devices`` says.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

NAME_CODE_POINTS_MAX: Final = 60
"""Longer names are cut silently (protocol.md 5.2)."""

CUSTOM_DATA_BYTES_MAX: Final = 512

_NOTHING: Final = msgspec.Raw(b"null")


class NameForm(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The names of a device."""

    name: str
    defaultNames: list[str] = []  # noqa: N815
    nicknames: list[str] = []


class InfoForm(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Who made it, and what it is."""

    manufacturer: str = ""
    model: str = ""
    hwVersion: str = ""  # noqa: N815
    swVersion: str = ""  # noqa: N815


class _OtherForm(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    deviceId: str  # noqa: N815
    agentId: str = ""  # noqa: N815


class DeviceForm(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The right form. Absent and null are the same to Google's reader where a member is not required."""

    id: str
    type: str
    traits: tuple[str, ...]
    name: NameForm
    willReportState: bool  # noqa: N815
    notificationSupportedByAgent: bool | None = None  # noqa: N815
    roomHint: str | None = None  # noqa: N815
    structureHint: str | None = None  # noqa: N815
    deviceInfo: InfoForm | None = None  # noqa: N815
    attributes: msgspec.Raw = _NOTHING
    customData: dict[str, Any] | None = None  # noqa: N815
    otherDeviceIds: list[_OtherForm] | None = None  # noqa: N815
    # Of a device that is reached by Matter as well: Google then shows it once. Home Assistant sends them.
    matterUniqueId: str | None = None  # noqa: N815
    matterOriginalVendorId: str | None = None  # noqa: N815
    matterOriginalProductId: str | None = None  # noqa: N815


read_form: Final = msgspec.json.Decoder(DeviceForm).decode
"""Reads a device that has the right form, and raises one of ``UNREADABLE`` for any other."""
