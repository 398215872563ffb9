"""The catalog's format, read a second time: whether a device keeps to it, as naively as can be.

Written from the words of the format (``wire/catalog/__init__.py`` and the reference of traits) and from nothing else: it reads the
JSON file itself, imports no code of homegraph, and is slow. It says only yes or no. The property test holds it against both ways of the
package.
"""

import json
import re
from pathlib import Path

DATA = Path(__file__).parents[2] / "src/homegraph/wire/catalog"
TRAITS = {t["name"]: t for t in json.loads((DATA / "traits.json").read_text())["traits"]}
ABOUT_THE_ANSWER = {"status", "errorCode", "debugString", "exceptionCode"}


def attributes_ok(traits, attributes):
    """Whether the attributes of a device with these traits are right."""
    known = [together(TRAITS[name], traits) for name in traits if name in TRAITS]
    described = [field for trait in known for field in trait["attributes"]]
    if len(known) == len(traits) and set(attributes) - {f["name"] for f in described}:
        return False
    for trait in known:
        world = World(trait, attributes, "attr", attributes)
        if not (
            members_ok(trait["attributes"], attributes, world)
            and rules_ok(trait["attribute_rules"], world)
        ):
            return False
    return True


def states_ok(traits, attributes, states, *, whole):
    """Whether states are right: those of a QUERY answer (``whole``), or those of a report."""
    known = [together(TRAITS[name], traits) for name in traits if name in TRAITS]
    states = {k: v for k, v in states.items() if not (whole and k in ABOUT_THE_ANSWER)}
    names = {"online"} | {field["name"] for trait in known for field in trait["states"]}
    if len(known) == len(traits) and set(states) - names:
        return False
    if whole and "online" not in states:
        return False
    if "online" in states and not isinstance(states["online"], bool):
        return False
    for trait in known:
        world = World(trait, attributes, "state", states)
        mentioned = any(field["name"] in states for field in trait["states"])
        absent = trait["states_absent_if"]
        if absent and world.holds(absent):
            if mentioned:
                return False
        elif (whole or mentioned) and not (
            members_ok(trait["states"], states, world) and rules_ok(trait["state_rules"], world)
        ):
            return False
    return True


def command_ok(traits, attributes, name, params):
    """Whether the device takes a command with these parameters."""
    for trait in (TRAITS[one] for one in traits if one in TRAITS):
        for command in trait["commands"]:
            if command["name"] == name:
                world = World(trait, attributes, "param", params)
                absent = trait["commands_absent_if"]
                return (
                    not (absent and world.holds(absent))
                    and (command["when"] is None or world.holds(command["when"]))
                    and not set(params) - {field["name"] for field in command["params"]}
                    and members_ok(command["params"], params, world)
                    and rules_ok(command["param_rules"], world)
                )
    return any(one not in TRAITS for one in traits)


def result_ok(trait, attributes, command, params, answer):
    """Whether a command's answer has what it must have beside states."""
    world = World(trait, attributes, "result", answer, params=params)
    return members_ok(command["results"], answer, world) and rules_ok(
        command["result_rules"], world
    )


def notification_ok(trait, attributes, notification, body):
    """Whether a notification of a trait is right."""
    world = World(trait, attributes, "field", body)
    return (
        not set(body) - {field["name"] for field in notification["fields"]}
        and members_ok(notification["fields"], body, world)
        and rules_ok(notification["rules"], world)
    )


def together(trait, traits):
    """A trait whose objects may hold what other traits of the device put into the same object (``color`` of the legacy ones)."""

    def shared(kind):
        for field in trait[kind]:
            names = {one["name"] for one in field.get("fields", [])}
            others = [
                {k: v for k, v in inner.items() if k not in ("required_if", "present_if")}
                | {"required": False}
                for other in (TRAITS[one] for one in traits if one in TRAITS)
                for twin in other[kind]
                if twin["name"] == field["name"]
                for inner in twin.get("fields", [])
                if inner["name"] not in names
            ]
            yield {**field, "fields": [*field["fields"], *others]} if "fields" in field else field

    own = {"attributes": list(shared("attributes")), "states": list(shared("states"))}
    # Attributes are one object, so a default of one trait counts for another that looks at the same attribute.
    others = [TRAITS[one]["attributes"] for one in traits if one in TRAITS]
    return {**trait, **own, "described": [field for fields in others for field in fields]}


class World:
    """What a condition or a rule may look at: the device's attributes and one object."""

    def __init__(self, trait, attributes, kind, own, params=None):
        self.trait, self.attributes, self.kind, self.own = trait, attributes, kind, own
        self.params = params or {}

    def holds(self, condition, brothers=None):
        if "all" in condition:
            return all(self.holds(one, brothers) for one in condition["all"])
        if "any" in condition:
            return any(self.holds(one, brothers) for one in condition["any"])
        if "not" in condition:
            return not self.holds(condition["not"], brothers)
        kind = next(k for k in ("attr", "state", "param", "result", "field") if k in condition)
        path, op = condition[kind], condition["op"]
        where = self.own
        if kind == "attr":
            where = self.attributes
        elif kind == "field" and brothers is not None:
            where = brothers
        value = one_at(where, path)
        if op == "present":
            return value is not None
        if value is None and kind == "attr":
            value = default_at(self.trait.get("described", self.trait["attributes"]), path)
        if op in ("eq", "ne"):
            return same(value, condition["value"]) is (op == "eq")
        if op == "contains":
            return condition["value"] in as_list(value)
        assert op == "min_items"
        return isinstance(value, list) and len(value) >= condition["value"]

    def source(self, reference, variables=None):
        root, _, path = reference.partition(".")
        where = {"attributes": self.attributes, "params": self.params}[root]
        found = [value for _, value, _ in places(where, path, variables or {})]
        return [value for value in found if isinstance(value, str)]

    def number(self, reference):
        if not isinstance(reference, str):
            return reference
        sign = -1 if reference.startswith("-") else 1
        path = reference.lstrip("-").removeprefix("attributes.")
        value = one_at(self.attributes, path)
        if value is None:
            value = default_at(self.trait.get("described", self.trait["attributes"]), path)
        return sign * value if is_number(value) else None


# --- fields ----------------------------------------------------------------------------------------------------------


def members_ok(fields, target, world):
    """Whether described members are there when they must, absent when they must, and right."""
    for field in fields:
        if field["name"] not in target:
            required = (
                world.holds(field["required_if"], target)
                if "required_if" in field
                else field["required"]
            )
            if required:
                return False
        else:
            if "present_if" in field and not world.holds(field["present_if"], target):
                return False
            if not value_ok(field, target[field["name"]], world):
                return False
    return True


def value_ok(field, value, world):
    """Whether a value has the form of its field."""
    # The old form (alt_type) is understood, but it is worth advice; so it is not without a problem.
    kind = field["type"]
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if kind == "enum":
        return isinstance(value, str) and value in field["values"]
    if kind in ("integer", "number"):
        return (
            is_number(value)
            and (kind == "number" or value == int(value))
            and not ("min" in field and value < field["min"])
            and not ("max" in field and value > field["max"])
            and not ("exclusive_max" in field and value >= field["exclusive_max"])
        )
    if kind == "array":
        return (
            isinstance(value, list)
            and len(value) >= field.get("min_items", 0)
            and all(value_ok(field["items"], item, world) for item in value)
            and not (field.get("unique_items") and len(set(value)) < len(value))
        )
    if not isinstance(value, dict):
        return False
    if not field.get("min_props", 0) <= len(value) <= field.get("max_props", len(value)):
        return False
    if kind == "map":
        return all(value_ok(field["map_values"], one, world) for one in value.values())
    return not set(value) - {one["name"] for one in field["fields"]} and members_ok(
        field["fields"], value, world
    )


# --- rules -----------------------------------------------------------------------------------------------------------


def rules_ok(rules, world):
    """Whether all rules are kept."""
    return all(rule_ok(rule, world) for rule in rules)


def rule_ok(rule, world):
    """Whether one rule is kept: the function of its kind says so."""
    if rule["kind"] == "needs":
        return world.holds(rule["if"]) or not any(
            "value" not in rule or same(value, rule["value"])
            for _, value, _ in places(world.own, rule["field"])
        )
    if "if" in rule and not world.holds(rule["if"]):
        return True
    return globals()[f"_{rule['kind']}"](rule, world)


def _objects(rule, world):
    if "at" not in rule:
        return [world.own]
    return [value for _, value, _ in places(world.own, rule["at"]) if isinstance(value, dict)]


def _one_of(rule, world):
    def ok(target):
        touched = [group for group in rule["groups"] if any(name in target for name in group)]
        return len(touched) == 1 and all(name in target for name in touched[0])

    return all(map(ok, _objects(rule, world)))


def _any_of(rule, world):
    return all(
        any(all(name in target for name in group) for group in rule["groups"])
        for target in _objects(rule, world)
    )


def _at_most_one(rule, world):
    return sum(name in world.own for name in rule["fields"]) <= 1


def _shapes(rule, world):
    about = {n for shape in rule["shapes"] for n in shape["required"] + shape["optional"]}
    given = about & set(world.own)
    return any(
        set(shape["required"]) <= given <= set(shape["required"] + shape["optional"])
        for shape in rule["shapes"]
    )


def _unique(rule, world):
    lists = {}
    for way, value, _ in places(world.own, rule["field"]):
        last = max(place for place, step in enumerate(way) if isinstance(step, int))
        if isinstance(value, str):
            lists.setdefault(way[:last], []).append(value)
    return all(len(set(names)) == len(names) for names in lists.values())


def _value_from(rule, world):
    for _, value, brothers in places(world.own, rule["field"]):
        listed = world.source(rule["source"], brothers)
        known = listed + rule.get("also", [])
        if isinstance(value, str) and listed and value not in known:
            return False
    return True


def _keys_from(rule, world):
    listed = world.source(rule["source"])
    return all(
        not listed or key in listed
        for _, value, _ in places(world.own, rule["field"])
        if isinstance(value, dict)
        for key in value
    )


def _map_value_from(rule, world):
    for _, value, _ in places(world.own, rule["field"]):
        for key, one in value.items() if isinstance(value, dict) else ():
            listed = world.source(rule["source"], {"key": key})
            if isinstance(one, str) and listed and one not in listed:
                return False
    return True


def _range_from(rule, world):
    low, high = world.number(rule["min"]), world.number(rule["max"])
    return all(
        (low is None or value >= low) and (high is None or value <= high)
        for _, value, _ in places(world.own, rule["field"])
        if is_number(value)
    )


def _ordered(rule, world):
    low, high = one_at(world.own, rule["low"]), one_at(world.own, rule["high"])
    return not (is_number(low) and is_number(high)) or low <= high


def _gap(rule, world):
    low, high = one_at(world.own, rule["low"]), one_at(world.own, rule["high"])
    least = world.number(rule["min_gap_from"])
    least = rule["default"] if least is None else least
    return not (is_number(low) and is_number(high)) or high - low >= least


def _forbids(rule, world):
    return not any(places(world.own, name) for name in rule["fields"])


def _forbids_value(rule, world):
    return not any(same(v, rule["value"]) for _, v, _ in places(world.own, rule["field"]))


def _only_values(rule, world):
    return all(
        any(same(value, one) for one in rule["values"])
        for name in rule["fields"]
        for _, value, _ in places(world.own, name)
    )


def _any_true(rule, world):
    return any(world.own.get(name) is True for name in rule["fields"])


def _not_both_true(rule, world):
    return not all(world.own.get(name) is True for name in rule["fields"])


def _advice(rule, world):
    return all(
        len(value) <= rule["max_items"]
        for _, value, _ in places(world.own, rule["field"])
        if isinstance(value, list)
    )


def _sensor_table(rule, world):  # the table is the trait's
    rows = {row["name"]: row for row in world.trait["sensors"]}
    if world.kind == "attr":
        items = _items(world.own.get("sensorStatesSupported"))
    elif world.kind == "state":
        items = _items(world.own.get("currentSensorStateData"))
    else:
        items = [world.own]
    for item in items:
        name = item.get("name")
        row = rows.get(name) if isinstance(name, str) else None
        if row and not _row_ok(row, item, notifies=world.kind == "field"):
            return False
    return True


def _row_ok(row, item, *, notifies):
    words, unit = row["descriptive_states"], row["unit"]
    if notifies and not row["notification"]:
        return False
    if ("descriptiveCapabilities" in item or "currentSensorState" in item) and not words:
        return False
    if ("numericCapabilities" in item or "rawValue" in item) and unit is None:
        return False
    said = as_list(one_at(item, "descriptiveCapabilities.availableStates"))
    said += [item["currentSensorState"]] if "currentSensorState" in item else []
    if any(word not in [*words, "unknown"] for word in said):
        return False
    given = one_at(item, "numericCapabilities.rawValueUnit")
    value = item.get("rawValue")
    return (given is None or given == unit) and not (
        is_number(value) and not row.get("raw_min", value) <= value <= row.get("raw_max", value)
    )


def _items(value):
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# --- values ----------------------------------------------------------------------------------------------------------


def is_number(value):
    """A number of JSON; it must fit a double, as every reader of JSON takes it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1 << 1023


def same(one, two):
    """Equal in JSON, where true is not 1."""
    return isinstance(one, bool) is isinstance(two, bool) and one == two


def as_list(value):
    """A list, also in its old form: one text with commas."""
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, list) else []


def places(value, path, variables=None):
    """``(way, value, object around it)`` of all that is at a path."""
    found = [((), value, {})]
    for name, each, member, variable in re.findall(r"([^.\[\]]+)|(\[\])|\[(\w+)=\$(\w+)\]", path):
        after = []
        for way, one, around in found:
            if name:
                if isinstance(one, dict) and name in one:
                    after.append(((*way, name), one[name], one))
                continue
            for index, item in enumerate(as_list(one)):
                fits = isinstance(item, dict) and (
                    each or same(item.get(member), (variables or {}).get(variable))
                )
                if each or fits:
                    after.append(((*way, index), item, around))
        found = after
    return found


def one_at(value, path):
    """The first value at a path."""
    return next((one for _, one, _ in places(value, path)), None)


def default_at(fields, path):
    """The default of the field at a path."""
    default = None
    for name in path.split("."):
        found = [one for one in fields if one["name"] == name]
        fields = [inner for one in found for inner in one.get("fields", [])]
        default = next((one["default"] for one in found if "default" in one), None)
    return default
