"""A device in which there is nothing to find is taken from its bytes: nearly all are like that, and it has to cost little.

One reading of the right form, one remembered answer about the kind, one about the attributes, and no object is made that nobody needs. The
other way is ``devices.check_device``, which explains; the two agree, as in the catalog (decision 0013).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from homegraph.graph.checks.device_forms import (
    CUSTOM_DATA_BYTES_MAX,
    NAME_CODE_POINTS_MAX,
    read_form,
)
from homegraph.graph.checks.kinds import check_kind
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.compiled import UNREADABLE
from homegraph.wire.catalog.shapes import Shape
from homegraph.wire.intents import (
    DEVICE_ID_BYTES_MAX,
    DeviceDefinition,
    attributes_of,
    is_longer,
)

RIGHT_BYTES_MAX: Final = 64 * 1024
"""Of a device that is looked at here, as what it lists is kept. A device with all traits and their longest lists has half."""

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


def right_device(definition: bytes, catalog: Catalog) -> DeviceDefinition | None:
    """A device in which there is nothing to find.

    None says only that somebody must look closely, as at a name without a letter of ours.
    """
    if len(definition) > RIGHT_BYTES_MAX:
        return None
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


@lru_cache(maxsize=KINDS_KEPT_MAX)
def _right_shape(catalog: Catalog, type_: str, traits: tuple[str, ...]) -> Shape | None:
    """What devices of this kind may say; None when there is something to be said about the kind itself."""
    kind = {"type": type_, "traits": list(traits)}
    wrong = next(check_kind(kind, (), "", catalog), None)
    return catalog.shape(traits) if wrong is None else None
