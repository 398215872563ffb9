"""Checks of a device's kind: its type and its traits, and whether they go together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from homegraph.graph.checks import device_rules as rules
from homegraph.graph.checks.rule import pointer, shown
from homegraph.graph.model import Finding
from homegraph.wire.catalog.book import Catalog

_TYPE_FORM: Final = re.compile(r"action\.devices\.types\.[A-Za-z_]+", re.ASCII)
_TRAIT_FORM: Final = re.compile(r"action\.devices\.traits\.[A-Za-z]+", re.ASCII)


def check_kind(
    device: Mapping[str, Any], at: tuple[str | int, ...], device_id: str, catalog: Catalog
) -> Iterator[Finding]:
    """What is wrong with the type and the traits of a device, whatever they are."""
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
