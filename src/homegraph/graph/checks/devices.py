"""Checks of one device of a SYNC reply: its members, its names, and what goes with it.

What is wrong between devices is in ``replies``, what is wrong with attributes is known by the catalog (``traits``).

It goes through the members one by one and yields what is wrong with each. That there is nothing wrong, ``right_devices`` sees in one look; its
type and traits are the business of ``kinds``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

import msgspec

from homegraph.graph.checks import device_rules as rules
from homegraph.graph.checks.device_forms import (
    CUSTOM_DATA_BYTES_MAX,
    NAME_CODE_POINTS_MAX,
    DeviceForm,
    InfoForm,
    NameForm,
)
from homegraph.graph.checks.kinds import check_kind
from homegraph.graph.checks.rule import pointer, shown, strangers
from homegraph.graph.checks.traits import trait_findings
from homegraph.graph.model import Finding
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.intents import DEVICE_ID_BYTES_MAX, is_longer

FINDINGS_MAX: Final = 64
"""Findings about one device; who has made more mistakes corrects these first."""

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


def check_device(device: object, index: int, catalog: Catalog) -> tuple[Finding, ...]:
    """Everything that is wrong with one device; ``index`` is its place in the reply."""
    at = ("payload", "devices", index)
    if not isinstance(device, dict):
        what = f"Device {index} is {shown(device)}, not an object."
        return (rules.DEVICE_NOT_OBJECT.found(what, path=pointer(*at)),)
    id_ = device.get("id")
    device_id = id_ if isinstance(id_, str) and not is_longer(id_, DEVICE_ID_BYTES_MAX) else ""
    findings = chain(
        _form(device, at, device_id),
        _name(device.get("name"), at, device_id),
        check_kind(device, at, device_id, catalog),
        _attributes(device, at, device_id, catalog),
        _extras(device, at, device_id),
    )
    # What is not told is not looked for: one device may have a hundred thousand mistakes, and each takes a millisecond.
    return tuple(islice(findings, FINDINGS_MAX))


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
    known = InfoForm.__struct_fields__
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
    known, here = NameForm.__struct_fields__, (*at, "name")
    yield from strangers(rules.MEMBER_UNKNOWN, name, known, "name", *here, device_id=device_id)


def _is_speakable(name: str) -> bool:
    """Whether there is a letter or a digit in it, in any script."""
    return (name.isascii() and any(map(str.isalnum, name))) or any(
        unicodedata.category(character)[0] in "LN" for character in name
    )


# --- what goes with the device ---------------------------------------------------------------------------------------


def _attributes(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    attributes, listed = device.get("attributes"), device.get("traits")
    traits = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    if attributes is None or isinstance(attributes, dict):
        given = attributes or {}
        shape = catalog.shape_of_any(traits)
        if not shape.attributes_fit(given):
            problems = shape.attribute_problems(given)
            yield from trait_findings(problems, *at, "attributes", device_id=device_id)


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
