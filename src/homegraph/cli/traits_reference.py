"""The reference pages of traits and device types, made from the catalog: one page a trait, the types, and an index.

``docs/reference/traits/`` holds what ``pages`` returns; a test compares them, so the catalog cannot change without its pages. To write
them anew::

    python -m homegraph.cli.traits_reference docs/reference/traits

The wording of fields, conditions and rules is in ``trait_words``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from homegraph.cli.reference_pages import write_pages
from homegraph.cli.trait_words import condition, rules, table
from homegraph.graph.checks.traits import BY_PROBLEM
from homegraph.wire.catalog.book import builtin
from homegraph.wire.catalog.facts import (
    COMMAND_PREFIX,
    TRAIT_PREFIX,
    Command,
    DeviceType,
    ErrorCodes,
    Field,
    Notification,
    Rule,
    Sensor,
    Trait,
    TwoFactor,
)
from homegraph.wire.catalog.problems import Kind, Place

MADE_BY: Final = "<!-- Made by `python -m homegraph.cli.traits_reference docs/reference/traits` from homegraph.wire.catalog. -->"

_HEAD: Final = """
# Traits

What a device can do is said by its traits. Each page has the attributes of a trait (in SYNC), its states (in QUERY and Report State),
its commands (in EXECUTE) with their errors, its notifications, and the rules that tie these together, as `homegraph lint` and a running
Home Graph check them. All traits of a device share one object of attributes and one of states. Every device has the state `online`,
a boolean, which is required in answers to QUERY.

A rule marked *advice only* is inferred, or Google is known to let it pass; the others are those of the published schema. Facts that
are doubted stand under *Doubts*. Not affiliated with Google.

* [Device types](device-types.md)
* [Codes of errors and exceptions](error-codes.md)
* [Languages](#languages)

"""

_CODES: Final = """
# Codes of errors and exceptions

For `errorCode` in answers, `exceptionCode` beside or among states, and `statusCode` of [StatusReport](StatusReport.md): they share one list. It is open, as
Google adds to it without notice; another code is advice ([`error-code-unknown`](../findings/error-code-unknown.md)). Which of them belong to a trait stands on its page.

## Of the published list

"""

_LANGUAGES: Final = """
## Languages

Members called `lang` have the code of a language. Known are {codes}. Google's pages ask for an entry in `en` in every list of names; that was read of two traits and
is taken to hold for all. No check looks at it.
"""

KINDS_OF_RULE: Final[Mapping[str, tuple[Kind, ...]]] = {
    "advice": (Kind.SIZE,),
    "any_of": (Kind.ALTERNATIVES,),
    "any_true": (Kind.ALTERNATIVES,),
    "at_most_one": (Kind.ALTERNATIVES,),
    "forbids": (Kind.UNEXPECTED,),
    "forbids_value": (Kind.CONFLICT,),
    "gap": (Kind.ORDER,),
    "keys_from": (Kind.UNLISTED,),
    "map_value_from": (Kind.UNLISTED,),
    "needs": (Kind.UNEXPECTED,),
    "not_both_true": (Kind.CONFLICT,),
    "one_of": (Kind.ALTERNATIVES,),
    "only_values": (Kind.CONFLICT,),
    "ordered": (Kind.ORDER,),
    "range_from": (Kind.RANGE,),
    "sensor_table": (Kind.UNLISTED, Kind.UNEXPECTED, Kind.RANGE),
    "shapes": (Kind.ALTERNATIVES,),
    "unique": (Kind.DUPLICATE,),
    "value_from": (Kind.UNLISTED,),
}
"""What is wrong when a rule of a kind is broken."""


def pages() -> dict[str, str]:
    """Every page by its file name."""
    traits, types = builtin().traits.values(), builtin().types.values()
    return {
        "README.md": _index(tuple(traits)),
        "device-types.md": _device_types(tuple(types)),
        "error-codes.md": _error_codes(builtin().common.error_codes),
        **{f"{trait.short}.md": _page(trait) for trait in traits},
    }


def _index(traits: Sequence[Trait]) -> str:
    rows = [f"| [{one.short}]({one.short}.md) | {one.status} | {one.summary} |" for one in traits]
    codes = ", ".join(f"`{code}`" for code in builtin().common.languages.values)
    languages = _LANGUAGES.format(codes=codes)
    return "\n".join([MADE_BY + _HEAD + "| trait | | |\n|---|---|---|", *rows, languages])


def _error_codes(known: ErrorCodes) -> str:
    published = ", ".join(f"`{code}`" for code in known.platform_2021)
    seen = [f"| `{code}` | {where} |" for code, where in known.seen_elsewhere.items()]
    table_ = ["| code | seen in |\n|---|---|", *seen]
    back = "[All traits](README.md)\n"
    return "\n".join([MADE_BY + _CODES + f"{published}.\n\n## Seen elsewhere\n", *table_, "", back])


def _device_types(types: Sequence[DeviceType]) -> str:
    lines = [MADE_BY, "", "# Device types", ""]
    lines.append(
        'Google words "required" as "required if it fits your device": a missing trait is advice.\n'
    )
    lines.append("| type | what | required | recommended |\n|---|---|---|---|")
    for one in types:
        alone = " Has no other traits." if one.exclusive else ""
        required, recommended = map(_trait_links, (one.required_traits, one.recommended_traits))
        lines.append(f"| `{one.name}` | {one.summary}{alone} | {required} | {recommended} |")
    return "\n".join([*lines, "", "[All traits](README.md)", ""])


def _trait_links(names: Sequence[str]) -> str:
    shorts = (name.removeprefix(TRAIT_PREFIX) for name in names)
    return ", ".join(f"[{short}]({short}.md)" for short in shorts)


def _page(trait: Trait) -> str:
    legacy = [] if trait.status == "current" else ["Legacy: devices that have it are understood.\n"]
    lines = [MADE_BY, "", f"# {trait.short}", "", f"{trait.summary}\n", f"`{trait.name}`\n"]
    lines += [*legacy, *_attributes(trait), *_states(trait)]
    for command in trait.commands:
        lines += _command(command)
    for notification in trait.notifications:
        lines += _notification(notification)
    if trait.sensors:
        lines += _sensors(trait.sensors)
    lines += [*_challenges(trait.two_factor), *_facts(trait)]
    return "\n".join([*lines, "[All traits](README.md)\n"])


def _attributes(trait: Trait) -> list[str]:
    if not trait.attributes:
        return ["## Attributes\n", "None.\n"]
    return ["## Attributes\n", *table(trait.attributes), *rules(trait.attribute_rules)]


def _states(trait: Trait) -> list[str]:
    lines = ["## States\n"]
    if not trait.states:
        return [*lines, "None.\n"]
    if trait.states_absent_if is not None:
        lines.append(f"None at all if {condition(trait.states_absent_if)}.\n")
    return [*lines, *table(trait.states), *rules(trait.state_rules)]


def _command(command: Command) -> list[str]:
    lines = [f"## Command {command.name.removeprefix(COMMAND_PREFIX)}\n", f"{command.summary}\n"]
    lines.append(f"`{command.name}`\n")
    if command.when is not None:
        lines.append(f"Only if {condition(command.when)}.\n")
    lines += table(command.params) if command.params else ["No parameters.\n"]
    lines += rules(command.param_rules)
    if command.results:
        lines += ["The answer has, beside states:\n", *table(command.results)]
        lines += rules(command.result_rules)
    said = []
    if command.sets_states:
        said.append(f"* Sets {', '.join(f'`{name}`' for name in command.sets_states)}.")
    if command.errors:
        said.append(f"* Errors: {', '.join(f'`{code}`' for code in command.errors)}.")
    if command.pending_ok:
        said.append("* The answer may be `PENDING`.")
    if command.follow_up:
        said.append("* A follow-up notification may tell the outcome.")
    return [*lines, *said, ""] if said else lines


def _notification(one: Notification) -> list[str]:
    after = f" to {one.command.removeprefix(COMMAND_PREFIX)}" if one.command else ""
    kind = "Follow-up" if one.kind == "follow_up" else "Proactive"
    return [f"## {kind} notification{after}\n", *table(one.fields), *rules(one.rules)]


def _sensors(rows: Sequence[Sensor]) -> list[str]:
    lines = ["## Sensors\n", "| name | words | unit | number | notifies |\n|---|---|---|---|---|"]
    for one in rows:
        ends = (one.raw_min, one.raw_max)
        number = " to ".join("…" if end is None else f"{end:g}" for end in ends)
        words = ", ".join(one.descriptive_states)
        lines.append(
            f"| {one.name} | {words} | {one.unit or ''} | {number if one.unit else ''} | "
            f"{'yes' if one.notification else ''} |"
        )
    return [*lines, ""]


def _challenges(two_factor: TwoFactor) -> list[str]:
    """Where a command must not be done at once. No check looks for it: who tries things out has no PIN yet."""
    if not two_factor.certification:
        return []
    lines = ["## Where Google demands a challenge\n"]
    lines.append(
        "For certification these commands are answered with `challengeNeeded` first; others may be, too "
        "([its form](../findings/execute-challenge-form.md), "
        "[trying it](../../howto/control-devices.md#a-device-that-wants-to-be-sure)).\n"
    )
    for one in two_factor.certification:
        types = "every type" if one.types == "any" else ", ".join(f"`{name}`" for name in one.types)
        lines.append(f"* `{one.challenge}` on {types}: {one.when}.")
    return [*lines, ""]


def _facts(trait: Trait) -> list[str]:
    lines = []
    if trait.related_errors:
        codes = ", ".join(f"`{code}`" for code in trait.related_errors)
        lines += ["## Other errors\n", f"By their names these belong to the trait, too: {codes}.\n"]
    for heading, notes in (("Conditions", trait.conditions), ("Doubts", trait.doubts)):
        if notes:
            lines += [f"## {heading}\n", *(f"* {note}" for note in notes), ""]
    links = [f"[`{rule}`](../findings/{rule}.md)" for rule in findings_of(trait)]
    return [*lines, "## Findings\n", f"{', '.join(links)}.\n"]


def findings_of(trait: Trait) -> list[str]:
    """Ids of the rules whose findings can be about a trait."""
    places: list[tuple[Place, Sequence[Field], Sequence[Rule]]] = [
        (Place.ATTRIBUTE, trait.attributes, trait.attribute_rules),
        (Place.STATE, trait.states, trait.state_rules),
    ]
    places += [(Place.RESULT, one.results, one.result_rules) for one in trait.commands]
    places += [(Place.NOTIFICATION, one.fields, one.rules) for one in trait.notifications]
    found = {
        BY_PROBLEM[place, kind].id
        for place, fields, some in places
        for kind in (
            *(kind for field in fields for kind in kinds_of_field(field)),
            *(kind for rule in some for kind in KINDS_OF_RULE[rule.kind]),
        )
        if (place, kind) in BY_PROBLEM
    }
    if trait.states_absent_if is not None:
        found.add(BY_PROBLEM[Place.STATE, Kind.UNEXPECTED].id)
    # A member that no trait has concerns them all.
    known = (Place.ATTRIBUTE, Place.STATE, *([Place.NOTIFICATION] if trait.notifications else []))
    found |= {BY_PROBLEM[place, Kind.UNKNOWN].id for place in known}
    return sorted(found)


def kinds_of_field(field: Field) -> Iterator[Kind]:
    """What can be wrong with a field and all that is in it."""
    yield Kind.TYPE
    said = {
        Kind.MISSING: field.required or field.required_if,
        Kind.UNEXPECTED: field.present_if,
        Kind.ENUM: field.values,
        Kind.RANGE: field.min is not None or field.max is not None or field.exclusive_max,
        Kind.SIZE: field.min_items or field.min_props or field.max_props,
        Kind.DUPLICATE: field.unique_items,
        Kind.DEPRECATED: field.alt_type,
    }
    yield from (kind for kind, is_said in said.items() if is_said)
    for inner in (*field.fields, *filter(None, (field.items, field.map_values))):
        yield from kinds_of_field(inner)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]), pages())
