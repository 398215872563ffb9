"""What somebody wants done, made out of words: which command, and which parameters. Which devices is ``naming``'s.

What is decided here is what would be sent. Whether it may be is the catalog's (``refusals``), and what came of it the fulfillment's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from homegraph.errors import SettingsError
from homegraph.graph.naming import Named
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.catalog.facts import COMMAND_PREFIX, Command, Field
from homegraph.wire.catalog.suggestions import did_you_mean
from homegraph.wire.execute_intent import FOLLOW_UP_TOKEN, CommandGroup

DEPTH_MAX: Final = 16
"""Names in the path of one parameter; the deepest of the catalog has three."""

_WORDS: Final[Mapping[str, bool]] = {
    "true": True,
    "on": True,
    "yes": True,
    "false": False,
    "off": False,
    "no": False,
}


def read_command(word: str, given: Sequence[str], device: Named, catalog: Catalog) -> str:
    """The full name of a command from its short or full one; from the parameters when it is not named.

    ``given`` are the outermost names of the parameters. A full name that the catalog does not know is taken as it is.

    Raises:
        SettingsError: no such command, or the parameters belong to none or several.
    """
    if "." in word:
        return word
    if word:
        short = {name.removeprefix(COMMAND_PREFIX).lower(): name for name in catalog.commands}
        if word.lower() in short:
            return short[word.lower()]
        known = [name.removeprefix(COMMAND_PREFIX) for name in catalog.commands]
        raise SettingsError(
            f"there is no command {word!r}.{did_you_mean(word, known)}",
            place="command",
            hint="Commands that the catalog does not have are written in full.",
        )
    available = device.bound.commands()
    # One that the attributes do not allow is meant all the same: the catalog then says what rules it out.
    found = _taking(available, given) or _taking(device.bound.declared(), given)
    if len(found) == 1:
        return found[0].name
    if found:
        raise SettingsError(
            f"it may be {', '.join(map(_short, found))}", place="command", hint="Name the command."
        )
    takes = ", ".join(f"{_short(one)} ({_params(one)})" for one in available)
    raise SettingsError(
        f"no command of {device.id!r} takes these parameters",
        place="command",
        hint=f"It takes {takes}." if takes else "It takes no commands; traits bring them.",
    )


def _taking(commands: Iterable[Command], given: Sequence[str]) -> list[Command]:
    return [one for one in commands if _takes(one, given)]


def _short(command: Command) -> str:
    return command.name.removeprefix(COMMAND_PREFIX)


def _params(command: Command) -> str:
    """Its parameters, without the one that the Home Graph adds."""
    names = [field.name for field in command.params if field.name != FOLLOW_UP_TOKEN]
    return ", ".join(names) or "without parameters"


def _takes(command: Command, given: Sequence[str]) -> bool:
    known = {field.name for field in command.params}
    needed = {field.name for field in command.params if field.required}
    return bool(given) and known.issuperset(given) and needed.issubset(given)


def outermost(pairs: Iterable[str]) -> tuple[str, ...]:
    """The outermost names of parameters.

    Raises:
        SettingsError: one of them is no ``key=value``.
    """
    return tuple(dict.fromkeys(_split(pair)[0][0] for pair in pairs))


def read_params(pairs: Iterable[str], command: Command | None) -> dict[str, Any]:
    """Parameters from ``key=value``, nested as ``color.temperatureK=2700``, as JSON after ``:=``.

    A value is read as the type that the catalog has for it; where it has none, as JSON if it is JSON, else as text.

    Raises:
        SettingsError: no such pair, no such value, or two that contradict each other.
    """
    params: dict[str, Any] = {}
    for pair in pairs:
        path, text, is_json = _split(pair)
        here = params
        for name in path[:-1]:
            here = here.setdefault(name, {})
            if not isinstance(here, dict):
                raise SettingsError(f"{name!r} has a value already", place=pair)
        if path[-1] in here:
            raise SettingsError("is there twice", place=".".join(path))
        field = None if is_json else _field(path, command)
        here[path[-1]] = _value(text, field, pair, is_json=is_json)
    return params


def refusals(devices: Iterable[Named], command: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the catalog would not send this, a sentence for each device and problem; nothing when it would."""
    return tuple(
        f"{device.id}: {'.'.join(map(str, problem.path))}{': ' if problem.path else ''}{problem.what}"
        for device in devices
        for problem in device.bound.command_problems(command, params)
        if problem.severity == "refused"
    )


def follows_up(device: Named, command: str, params: Mapping[str, Any]) -> bool:
    """Whether a device may tell the result of a command later, so that a token goes along (protocol.md 5.7)."""
    known = device.bound.command(command)
    return (
        device.notifies
        and known is not None
        and known[1].follow_up
        and FOLLOW_UP_TOKEN not in params
    )


def told(
    devices: Sequence[Named], params: Mapping[str, Any], tokens: Mapping[str, str]
) -> tuple[CommandGroup, ...]:
    """The entries of one intent. ``tokens`` are by device id: each such device has an entry of its own, all others share one."""
    alike = tuple(device.asked for device in devices if device.id not in tokens)
    groups = [CommandGroup(alike, params)] if alike else []
    groups += (
        CommandGroup((device.asked,), {**params, FOLLOW_UP_TOKEN: tokens[device.id]})
        for device in devices
        if device.id in tokens
    )
    return tuple(groups)


def _split(pair: str) -> tuple[tuple[str, ...], str, bool]:
    key, equals, text = pair.partition("=")
    is_json = key.endswith(":")
    path = tuple(key.removesuffix(":").split("."))
    if not equals or not all(path) or len(path) > DEPTH_MAX:
        raise SettingsError(
            "is no key=value",
            place=pair,
            hint="Write on=true, color.temperatureK=2700 or key:=JSON.",
        )
    return path, text, is_json


def _field(path: Sequence[str], command: Command | None) -> Field | None:
    """What the catalog says of a parameter."""
    fields = () if command is None else command.params
    found: Field | None = None
    for name in path:
        found = next((field for field in fields if field.name == name), None)
        fields = () if found is None else found.fields
    return found


def _value(text: str, field: Field | None, pair: str, *, is_json: bool) -> Any:
    kind = "" if field is None else field.type
    if kind in {"string", "enum"}:
        return text
    if kind == "boolean" and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        if is_json:
            raise SettingsError("is not JSON after :=", place=pair) from exc
        return text
