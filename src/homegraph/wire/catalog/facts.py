"""What the catalog knows, as typed values: traits with their fields, commands and rules, and device types.

The format is ours; ``__init__`` says what the two files are. A ``Field`` describes one member of a JSON object, a ``Condition`` says
when something holds, a ``Rule`` ties several members together. They are data here: what they mean is decided in
``conditions``, ``rules`` and ``fields``. A key that is not here is refused where a file is read: it would be a misspelt one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

TRAIT_PREFIX: Final = "action.devices.traits."
TYPE_PREFIX: Final = "action.devices.types."
COMMAND_PREFIX: Final = "action.devices.commands."

UNSET: Final = msgspec.UNSET

NUMBER_MAX: Final = sys.float_info.max
"""Numbers of JSON are doubles; what none can hold is no number here."""


class Condition(msgspec.Struct, frozen=True, rename={"not_": "not"}, forbid_unknown_fields=True):
    """When something holds: one comparison (the path behind ``attr``, ``state``, ... with ``op`` and ``value``), or several."""

    attr: str = ""
    state: str = ""
    param: str = ""
    result: str = ""
    field: str = ""
    op: str = ""
    value: Any = None
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    not_: Condition | None = None


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One member of an object; as ``items`` or ``map_values`` it has no name.

    ``type`` is boolean, integer, number, string, enum, array, object or map; bounds are inclusive but for ``exclusive_max``.
    """

    name: str = ""
    type: str
    required: bool = False
    required_if: Condition | None = None
    present_if: Condition | None = None
    values: tuple[str, ...] = ()
    default: Any = UNSET
    min: float | None = None
    max: float | None = None
    exclusive_max: float | None = None
    min_items: int | None = None
    unique_items: bool = False
    min_props: int | None = None
    max_props: int | None = None
    pattern: str = ""
    items: Field | None = None
    map_values: Field | None = None
    fields: tuple[Field, ...] = ()
    alt_type: Field | None = None
    deprecated: bool = False
    reportable: bool = True
    example_values: tuple[str, ...] = ()
    note: str = ""
    source: str = ""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the forms that the rule ``shapes`` allows."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, rename={"if_": "if"}, forbid_unknown_fields=True
):
    """A rule over several members. Which of the fields count depends on ``kind``; ``rules`` has a function for each."""

    kind: str
    field: str = ""
    fields: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    shapes: tuple[Shape, ...] = ()
    at: str = ""
    if_: Condition | None = None
    source: str = ""
    also: tuple[Any, ...] = ()
    strict: bool = True
    value: Any = UNSET
    values: tuple[Any, ...] = ()
    min: float | str | None = None
    max: float | str | None = None
    low: str = ""
    high: str = ""
    min_gap_from: str = ""
    default: float = 0
    max_items: int | None = None
    severity: str = ""
    inferred: bool = False
    note: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command: ``when`` the attributes allow it, what it takes, and what its answer may hold beside states."""

    name: str
    summary: str = ""
    when: Condition | None = None
    params: tuple[Field, ...] = ()
    param_rules: tuple[Rule, ...] = ()
    results: tuple[Field, ...] = ()
    result_rules: tuple[Rule, ...] = ()
    sets_states: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    two_factor_allowed: bool = True
    follow_up: bool = False
    pending_ok: bool = False


class Notification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a trait may notify: ``kind`` is proactive or follow_up, ``key`` its name in a report."""

    kind: str
    key: str
    command: str | None = None
    fields: tuple[Field, ...] = ()
    rules: tuple[Rule, ...] = ()


class Sensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the table of sensors: the words it may say, the unit of its number and the number's range."""

    name: str
    descriptive_states: tuple[str, ...] = ()
    unit: str | None = None
    notification: bool = False
    raw_min: float | None = None
    raw_max: float | None = None


class Modes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the boolean attributes that make a device one-way or read-only; None where there is none."""

    command_only: str | None = None
    query_only: str | None = None


class Demand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A challenge that Google demands for certification: on which types ("any", or their short names), and ``when`` in words.

    ``fields`` are the parameters that a command has then.
    """

    challenge: str
    types: str | tuple[str, ...]
    when: str
    fields: Mapping[str, Any] = {}


class TwoFactor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Google demands a challenge for certification."""

    allowed: bool = True
    certification: tuple[Demand, ...] = ()


class Trait(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """A trait. ``name`` is the full name, ``short`` its last part, ``status`` current or legacy."""

    name: str
    short: str
    status: str = "current"
    summary: str = ""
    modes: Modes = Modes()
    attributes: tuple[Field, ...] = ()
    attribute_rules: tuple[Rule, ...] = ()
    states: tuple[Field, ...] = ()
    state_rules: tuple[Rule, ...] = ()
    states_absent_if: Condition | None = None
    commands_absent_if: Condition | None = None
    commands: tuple[Command, ...] = ()
    notifications: tuple[Notification, ...] = ()
    errors: tuple[str, ...] = ()
    related_errors: tuple[str, ...] = ()
    two_factor: TwoFactor = TwoFactor()
    conditions: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    checked_against: Any = None

    @cached_property
    def state_names(self) -> frozenset[str]:
        """Names of its states that may be reported."""
        return frozenset(field.name for field in self.states if field.reportable)

    @cached_property
    def unreported(self) -> frozenset[str]:
        """Names of its states that only answers to QUERY have."""
        return frozenset(field.name for field in self.states if not field.reportable)

    @cached_property
    def sensor_rows(self) -> Mapping[str, Sensor]:
        """The table of sensors by name."""
        return {sensor.name: sensor for sensor in self.sensors}


class DeviceType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device type. A required trait is required where it fits the hardware; ``exclusive``: no other traits than those."""

    name: str
    short: str
    label: str = ""
    summary: str = ""
    required_traits: tuple[str, ...] = ()
    recommended_traits: tuple[str, ...] = ()
    other_useful_traits: tuple[str, ...] = ()
    traits_in_google_example_only: tuple[str, ...] = ()
    exclusive: bool = False
    two_factor_certification: tuple[Any, ...] = ()
    since: str = ""
    seen_in: tuple[str, ...] = ()
    docs_page: str | None = None
    doubts: tuple[str, ...] = ()


class Languages(msgspec.Struct, frozen=True):
    """Language codes that are known."""

    values: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True):
    """A list of words."""

    values: tuple[str, ...] = ()


class Aliases(msgspec.Struct, frozen=True):
    """Other spellings seen, and what is meant."""

    values: Mapping[str, str] = {}


class ErrorCodes(msgspec.Struct, frozen=True):
    """Error codes: those of the published list, and others that are used."""

    platform_2021: tuple[str, ...] = ()
    seen_elsewhere: Mapping[str, str] = {}


class Common(msgspec.Struct, frozen=True):
    """What belongs to every device."""

    languages: Languages = Languages()
    query_status: Words = Words()
    execute_status: Words = Words()
    command_aliases: Aliases = Aliases()
    error_codes: ErrorCodes = ErrorCodes()


class Traits(msgspec.Struct, frozen=True):
    """The file ``traits.json``."""

    common: Common
    traits: tuple[Trait, ...]


class Types(msgspec.Struct, frozen=True):
    """The file ``device_types.json``."""

    types: tuple[DeviceType, ...]
