"""Checks of one device of a SYNC reply: its members, its names, its type and its traits.

What is wrong between devices is in ``replies``, what is wrong with attributes is known by the catalog (``traits``).

Two ways that agree, as in the catalog (decision 0013). ``right_device`` takes a device from its bytes if there is nothing to find in it: its
right form is a msgspec type, so that costs one reading, and no object is made that nobody needs. ``check_device`` explains: it goes
through the members one by one and yields what is wrong with each.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from homegraph.graph.checks import device_rules as rules
from homegraph.graph.checks.rule import pointer, shown, strangers
from homegraph.graph.checks.traits import trait_findings
from homegraph.graph.model import Finding
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.compiled import UNREADABLE
from homegraph.wire.catalog.shapes import Shape
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.intents import (
    DEVICE_ID_BYTES_MAX,
    DeviceDefinition,
    attributes_of,
    is_longer,
)

NAME_CODE_POINTS_MAX: Final = 60
"""Longer names are cut silently (protocol.md 5.2)."""

CUSTOM_DATA_BYTES_MAX: Final = 512

FINDINGS_MAX: Final = 64
"""Findings about one device; who has made more mistakes corrects these first."""

KINDS_KEPT_MAX: Final = 1_024
"""Types with their traits about which it is kept that they are right: a house has a dozen, a thousand houses little more."""

ATTRIBUTES_KEPT_MAX: Final = 1_024
"""Attributes about which it is kept that they are right: one for each model and what its users have set up."""

ATTRIBUTES_BYTES_MAX: Final = 4_096
"""Of attributes that are kept, 8 MiB in all with their two forms; a washer has 600."""

_right_attributes: Final[dict[tuple[Shape, bytes], bytes]] = {}
"""Attributes as they were written, and as ``DeviceDefinition`` has them."""

_SPEAKABLE: Final = re.compile(r"[^\W_]")
"""A letter or a digit in any script."""

_TYPE_FORM: Final = re.compile(r"action\.devices\.types\.[A-Za-z_]+", re.ASCII)
_TRAIT_FORM: Final = re.compile(r"action\.devices\.traits\.[A-Za-z]+", re.ASCII)


_NOTHING: Final = msgspec.Raw(b"null")


class _Name(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str
    defaultNames: list[str] = []  # noqa: N815
    nicknames: list[str] = []


class _Info(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    manufacturer: str = ""
    model: str = ""
    hwVersion: str = ""  # noqa: N815
    swVersion: str = ""  # noqa: N815


class _Other(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    deviceId: str  # noqa: N815
    agentId: str = ""  # noqa: N815


class DeviceForm(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The right form. Absent and null are the same to Google's reader where a member is not required."""

    id: str
    type: str
    traits: tuple[str, ...]
    name: _Name
    willReportState: bool  # noqa: N815
    notificationSupportedByAgent: bool | None = None  # noqa: N815
    roomHint: str | None = None  # noqa: N815
    structureHint: str | None = None  # noqa: N815
    deviceInfo: _Info | None = None  # noqa: N815
    attributes: msgspec.Raw = _NOTHING
    customData: dict[str, Any] | None = None  # noqa: N815
    otherDeviceIds: list[_Other] | None = None  # noqa: N815
    # Of a device that is reached by Matter as well: Google then shows it once. Home Assistant sends them.
    matterUniqueId: str | None = None  # noqa: N815
    matterOriginalVendorId: str | None = None  # noqa: N815
    matterOriginalProductId: str | None = None  # noqa: N815


read_form: Final = msgspec.json.Decoder(DeviceForm).decode
"""Reads a device that has the right form, and raises one of ``UNREADABLE`` for any other."""

_MEMBERS: Final = frozenset(DeviceForm.__struct_fields__)
_FORMS: Final[Mapping[str, tuple[type, str]]] = {
    "notificationSupportedByAgent": (bool, "true or false"),
    "roomHint": (str, "text"),
    "structureHint": (str, "text"),
    "deviceInfo": (dict, "an object"),
    "customData": (dict, "an object"),
    "otherDeviceIds": (list, "a list"),
    "matterUniqueId": (str, "text"),
    "matterOriginalVendorId": (str, "text"),
    "matterOriginalProductId": (str, "text"),
}


def right_device(definition: bytes, catalog: Catalog) -> DeviceDefinition | None:
    """A device in which there is nothing to find.

    None says only that somebody must look closely, as at a name without a letter of ours.
    """
    try:
        form = read_form(definition)
    except UNREADABLE:
        return None
    spoken, room, custom = form.name.name, form.roomHint, form.customData
    if not form.id or len(spoken) > NAME_CODE_POINTS_MAX or not _SPEAKABLE.search(spoken):
        return None
    if is_longer(form.id, DEVICE_ID_BYTES_MAX) or (room is not None and not room.strip()):
        return None
    if custom and len(msgspec.json.encode(custom)) > CUSTOM_DATA_BYTES_MAX:
        return None
    shape = _right_shape(catalog, form.type, form.traits)
    attributes = None if shape is None else _right_attributes_of(shape, bytes(form.attributes))
    if attributes is None:
        return None
    return DeviceDefinition(
        form.id,
        form.type,
        form.traits,
        spoken,
        room or "",
        definition,
        attributes,
        bool(form.notificationSupportedByAgent),
    )


def _right_attributes_of(shape: Shape, written: bytes) -> bytes | None:
    """Attributes as a definition has them, None when they are not right.

    Devices of one model have the same ones, letter by letter: those are looked into once.
    """
    known = _right_attributes.get((shape, written))
    if known is not None:
        return known
    given = shape.read_attributes(b"{}" if written == b"null" else written)
    if given is None:
        return None
    attributes = attributes_of(given)
    if len(written) <= ATTRIBUTES_BYTES_MAX:
        if len(_right_attributes) >= ATTRIBUTES_KEPT_MAX:
            _right_attributes.clear()
        _right_attributes[shape, written] = attributes
    return attributes


def check_device(device: object, index: int, catalog: Catalog) -> tuple[Finding, ...]:
    """Everything that is wrong with one device; ``index`` is its place in the reply."""
    at = ("payload", "devices", index)
    if not isinstance(device, dict):
        what = f"Device {index} is {shown(device)}, not an object."
        return (rules.DEVICE_NOT_OBJECT.found(what, path=pointer(*at)),)
    id_ = device.get("id")
    device_id = id_ if isinstance(id_, str) and not is_longer(id_, DEVICE_ID_BYTES_MAX) else ""
    findings: list[Finding] = []
    findings += _form(device, at, device_id)
    findings += _name(device.get("name"), at, device_id)
    findings += _kind(device, at, device_id, catalog)
    findings += _attributes(device, at, device_id, catalog)
    findings += _extras(device, at, device_id)
    return tuple(findings[:FINDINGS_MAX])


@lru_cache(maxsize=KINDS_KEPT_MAX)
def _right_shape(catalog: Catalog, type_: str, traits: tuple[str, ...]) -> Shape | None:
    """What devices of this kind may say; None when there is something to be said about the kind itself."""
    kind = {"type": type_, "traits": list(traits)}
    wrong = next(_kind(kind, (), "", catalog), None)
    return catalog.shape(traits) if wrong is None else None


# --- the form of the members -----------------------------------------------------------------------------------------


def _form(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str
) -> Iterator[Finding]:
    yield from _required(device, at, device_id)
    for name, (form, word) in _FORMS.items():
        value = device.get(name)
        if value is not None and not isinstance(value, form):
            what = f"{name} is {shown(value)}; it must be {word}."
            yield rules.MEMBER_TYPE.found(what, path=pointer(*at, name), device_id=device_id)
    attributes = device.get("attributes")
    if attributes is not None and not isinstance(attributes, dict):
        what = f"attributes is {shown(attributes)}; it must be an object."
        path = pointer(*at, "attributes")
        yield rules.ATTRIBUTES_NOT_OBJECT.found(what, path=path, device_id=device_id)
    rule = rules.MEMBER_UNKNOWN
    yield from strangers(rule, device, _MEMBERS, "a device", *at, device_id=device_id)
    yield from _info(device.get("deviceInfo"), at, device_id)
    yield from _others(device.get("otherDeviceIds"), at, device_id)


def _required(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str
) -> Iterator[Finding]:
    if not device_id:
        yield _wrong_id(device.get("id"), pointer(*at, "id"))
    if not isinstance(device.get("type"), str):
        what = "The device has no type, or one that is no text."
        yield rules.TYPE_MISSING.found(what, path=pointer(*at, "type"), device_id=device_id)
    traits = device.get("traits")
    if not isinstance(traits, list):
        what = "The device has no list of traits."
        yield rules.TRAITS_MISSING.found(what, path=pointer(*at, "traits"), device_id=device_id)
    else:
        for place, trait in enumerate(traits):
            if not isinstance(trait, str):
                what = f"{shown(trait)} is no name of a trait."
                path = pointer(*at, "traits", place)
                yield rules.TRAIT_FORM.found(what, path=path, device_id=device_id)
    reports = device.get("willReportState")
    if not isinstance(reports, bool):
        rule = rules.WILL_REPORT_STATE_MISSING if reports is None else rules.MEMBER_TYPE
        told = "missing" if reports is None else f"{shown(reports)}; it must be true or false"
        path = pointer(*at, "willReportState")
        yield rule.found(f"willReportState is {told}.", path=path, device_id=device_id)


def _wrong_id(id_: object, path: str) -> Finding:
    if isinstance(id_, str) and id_:
        what = f"The id {shown(id_)} has {len(id_.encode())} bytes; {DEVICE_ID_BYTES_MAX} are kept."
        return rules.DEVICE_ID_LONG.found(what, path=path)
    what = "id is not text." if id_ else "The device has no id."
    return rules.DEVICE_ID_MISSING.found(what, path=path)


def _info(info: object, at: tuple[str | int, ...], device_id: str) -> Iterator[Finding]:
    known = _Info.__struct_fields__
    for name, value in info.items() if isinstance(info, dict) else ():
        path = pointer(*at, "deviceInfo", name)
        if name not in known:
            what = f"{shown(name)} is no member of deviceInfo.{did_you_mean(name, known)}"
            yield rules.MEMBER_UNKNOWN.found(what, path=path, device_id=device_id)
        elif not isinstance(value, str):
            what = f"deviceInfo.{name} is {shown(value)}; it must be text."
            yield rules.MEMBER_TYPE.found(what, path=path, device_id=device_id)


def _others(others: object, at: tuple[str | int, ...], device_id: str) -> Iterator[Finding]:
    for place, other in enumerate(others if isinstance(others, list) else ()):
        if not isinstance(other, dict) or not isinstance(other.get("deviceId"), str):
            what = f"otherDeviceIds has an entry without a deviceId: {shown(other)}."
            path = pointer(*at, "otherDeviceIds", place)
            yield rules.OTHER_DEVICE_ID.found(what, path=path, device_id=device_id)


# --- names -----------------------------------------------------------------------------------------------------------


def _name(name: object, at: tuple[str | int, ...], device_id: str) -> Iterator[Finding]:
    if not isinstance(name, dict) or not isinstance(name.get("name"), str):
        told = "missing" if name is None else shown(name)
        what = f"name is {told}; it must be an object with a name."
        yield rules.NAME_MISSING.found(what, path=pointer(*at, "name"), device_id=device_id)
        return
    spoken = name["name"]
    path = pointer(*at, "name", "name")
    if not spoken.strip():
        what = f"The name is {shown(spoken)}."
        yield rules.NAME_BLANK.found(what, path=path, device_id=device_id)
    elif not _is_speakable(spoken):
        what = f"Nobody can say {shown(spoken)}."
        yield rules.NAME_UNSPEAKABLE.found(what, path=path, device_id=device_id)
    if len(spoken) > NAME_CODE_POINTS_MAX:
        what = f"The name has {len(spoken)} characters; the first {NAME_CODE_POINTS_MAX} remain."
        yield rules.NAME_LONG.found(what, path=path, device_id=device_id)
    if len(name) > 1:
        yield from _more_names(name, at, device_id)


def _more_names(
    name: Mapping[str, Any], at: tuple[str | int, ...], device_id: str
) -> Iterator[Finding]:
    for member in ("defaultNames", "nicknames"):
        listed = name.get(member)
        right = isinstance(listed, list) and all(isinstance(one, str) for one in listed)
        if listed is not None and not right:
            what = f"name.{member} is {shown(listed)}; it must be a list of texts."
            path = pointer(*at, "name", member)
            yield rules.NAME_LIST_FORM.found(what, path=path, device_id=device_id)
    known, here = _Name.__struct_fields__, (*at, "name")
    yield from strangers(rules.MEMBER_UNKNOWN, name, known, "name", *here, device_id=device_id)


def _is_speakable(name: str) -> bool:
    """Whether there is a letter or a digit in it, in any script."""
    return (name.isascii() and any(map(str.isalnum, name))) or any(
        unicodedata.category(character)[0] in "LN" for character in name
    )


# --- type and traits -------------------------------------------------------------------------------------------------


def _kind(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    type_, listed = device.get("type"), device.get("traits")
    traits = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    if isinstance(type_, str):
        known = catalog.types.get(type_)
        if known is None:
            yield _unknown_type(type_, at, device_id, catalog)
        else:
            missing = [one for one in known.required_traits if one not in traits]
            if missing and traits:
                short = ", ".join(one.rpartition(".")[2] for one in missing)
                what = f"The type {known.short} should have {short}."
                path = pointer(*at, "traits")
                yield rules.TYPE_TRAIT_MISSING.found(what, path=path, device_id=device_id)
        yield from _scene(type_, traits, at, device_id, catalog)
    if isinstance(listed, list):
        yield from _traits(listed, at, device_id, catalog)


def _attributes(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    attributes, listed = device.get("attributes"), device.get("traits")
    traits = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    if attributes is None or isinstance(attributes, dict):
        given = attributes or {}
        shape = catalog.shape(tuple(traits))
        if not shape.attributes_fit(given):
            problems = shape.attribute_problems(given)
            yield from trait_findings(problems, *at, "attributes", device_id=device_id)


def _unknown_type(
    type_: str, at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Finding:
    nearest = catalog.nearest_type(type_)
    meant = f" Did you mean {nearest!r}?" if nearest else ""
    formed = _TYPE_FORM.fullmatch(type_) and nearest.lower() != type_.lower()
    rule = rules.TYPE_UNKNOWN if formed else rules.TYPE_FORM
    return rule.found(
        f"{shown(type_)} is no known device type.{meant}",
        path=pointer(*at, "type"),
        device_id=device_id,
        fix=f"Write {nearest}." if nearest else "",
    )


def _traits(
    listed: list[Any], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    if not listed:
        what = "The list of traits is empty."
        yield rules.TRAITS_EMPTY.found(what, path=pointer(*at, "traits"), device_id=device_id)
    for index, name in enumerate(listed):
        if not isinstance(name, str):
            continue
        known = catalog.traits.get(name)
        path = pointer(*at, "traits", index)
        if known is None:
            nearest = catalog.nearest_trait(name)
            meant = f" Did you mean {nearest!r}?" if nearest else ""
            formed = _TRAIT_FORM.fullmatch(name) and nearest.lower() != name.lower()
            rule = rules.TRAIT_UNKNOWN if formed else rules.TRAIT_FORM
            fix = f"Write {nearest}." if nearest else ""
            what = f"{shown(name)} is no known trait.{meant}"
            yield rule.found(what, path=path, device_id=device_id, fix=fix)
        elif known.status != "current":
            what = f"{known.short} is a trait of former times."
            yield rules.TRAIT_LEGACY.found(what, path=path, device_id=device_id)
        if name in listed[:index]:
            what = f"{shown(name)} is listed twice."
            yield rules.TRAIT_DUPLICATE.found(what, path=path, device_id=device_id)


def _scene(
    type_: str, traits: list[str], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    """A type that is exclusive has its own traits only, and nobody else has them."""
    known = catalog.types.get(type_)
    path = pointer(*at, "traits")
    if known is not None and known.exclusive:
        others = [one for one in traits if one not in known.required_traits]
        if others:
            what = f"The type {known.short} has no other traits, but {', '.join(others)} is listed."
            yield rules.SCENE_MIXED.found(what[:200], path=path, device_id=device_id)
    elif any(one in catalog.exclusive_traits for one in traits):
        what = "The trait Scene is on a device that is no SCENE."
        yield rules.SCENE_ELSEWHERE.found(what, path=path, device_id=device_id)


# --- what goes with the device ---------------------------------------------------------------------------------------


def _extras(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str
) -> Iterator[Finding]:
    custom = device.get("customData")
    if isinstance(custom, dict) and custom:
        size = len(msgspec.json.encode(custom))
        if size > CUSTOM_DATA_BYTES_MAX:
            what = f"customData has {size} bytes; {CUSTOM_DATA_BYTES_MAX} are allowed."
            path = pointer(*at, "customData")
            yield rules.CUSTOM_DATA_LARGE.found(what, path=path, device_id=device_id)
    room = device.get("roomHint")
    if isinstance(room, str) and not room.strip():
        what = f"roomHint is {shown(room)}."
        yield rules.ROOM_BLANK.found(what, path=pointer(*at, "roomHint"), device_id=device_id)
