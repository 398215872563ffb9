"""Flags, variables, homegraph.toml and defaults become the settings of one server.

A flag goes before a variable, a variable before the file, the file before the default. Every source is read to its end even where another
one wins, for a wrong value is a mistake wherever it stands; only what hosting platforms set by themselves (PORT, DATABASE_URL) is left
unread when it is not needed.

The rule that is easily broken: ``load`` reads the files that are named to it and nothing else. Flags, variables and the current folder are
handed in, so that tests, and whoever embeds a server, say everything themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from homegraph.errors import SettingsError
from homegraph.settings.addresses import PORT_MAX, Database, ListenAddress
from homegraph.settings.file import (
    NOTHING,
    ConfigFile,
    Place,
    Problems,
    Reader,
    read_config,
    unknown,
)
from homegraph.settings.kinds import Whole
from homegraph.settings.outbound import never_called
from homegraph.settings.projects import read_projects
from homegraph.settings.rows import CLIENT_VARIABLES, VARIABLE_PREFIX, did_you_mean
from homegraph.settings.server import SETTINGS, Settings

CONFIG_NAME: Final = "homegraph.toml"

PORT: Final = "PORT"
DATABASE_URL: Final = "DATABASE_URL"
PLATFORM_VARIABLES: Final = (PORT, DATABASE_URL)
"""What hosting platforms set by themselves, under names of their own."""


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Path | None, cwd: Path
) -> Settings:
    """Merge flags, variables, the file and the defaults.

    Args:
        flags: Values by the name of their setting; None is a flag that was not given.
        environ: The environment. Empty variables count as not set.
        config: The file. None: HOMEGRAPH_CONFIG, or else ``homegraph.toml`` in ``cwd`` when there is one.
        cwd: The current folder, absolute; relative paths in flags and variables start here, those of a file in its folder.

    Raises:
        SettingsError: something is wrong; the message names every mistake with its place, one per line.
    """
    problems = Problems()
    environ = {name: text for name, text in environ.items() if text}
    file = _find_file(config, environ, cwd)
    values: dict[str, Any] = {"sources": dict.fromkeys((each.name for each in SETTINGS), "default")}
    if file is not None:
        values |= _from_file(file, problems, values["sources"])
    given = _from_variables(environ, cwd, problems) | _from_flags(flags, cwd, problems)
    for name, (source, value) in given.items():
        values[name] = value
        values["sources"][name] = source
    _add_platform(values, environ, cwd, problems)
    problems.raise_any()
    settings = Settings(**values)
    unseen = never_called(settings.projects, settings.outbound_rules)
    return replace(settings, warnings=(*settings.warnings, *unseen))


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of our prefix that neither server nor commands read, each with what is wrong with it. Empty ones count as not set."""
    known = [each.variable for each in SETTINGS]
    known += [each.file_variable for each in SETTINGS if each.is_hidden]
    known += CLIENT_VARIABLES
    return {
        name: f"unknown variable{did_you_mean(name, known, VARIABLE_PREFIX)}"
        for name, text in sorted(environ.items())
        if text and name.startswith(VARIABLE_PREFIX) and name not in known
    }


def _find_file(config: Path | None, environ: Mapping[str, str], cwd: Path) -> ConfigFile | None:
    named = config or environ.get("HOMEGRAPH_CONFIG")
    if not named and not (cwd / CONFIG_NAME).exists():
        return None
    path = Path(named or CONFIG_NAME)
    there = cwd / path
    return read_config(there, str(there.relative_to(cwd) if there.is_relative_to(cwd) else there))


def _from_file(file: ConfigFile, problems: Problems, sources: dict[str, str]) -> dict[str, Any]:
    reader = Reader(problems, file.path.parent, file.place)
    for key in (each for each in file.data if each not in {"server", "projects"}):
        belongs = any(key == each.name for each in SETTINGS)
        sentence = unknown(key, ("server", "projects"))
        reader.problem((key,), "unknown key; it belongs under [server]" if belongs else sentence)
    values = reader.values(SETTINGS, file.data.get("server", {}), ("server",))
    for each in SETTINGS:
        if each.name in values:
            path = ("server", each.name if each.name in file.data["server"] else each.file_key)
            sources[each.name] = file.place(path).name
    projects = read_projects(file, reader)
    warnings = [sentence for project in projects for sentence in project.warnings()]
    if file.is_public and reader.secrets:
        warnings.append("holds secrets, and everybody on this machine may read it; chmod 600 helps")
    return values | {
        "projects": projects,
        "config": file.path,
        "warnings": tuple(f"{file.name}: {sentence}" for sentence in warnings),
    }


def _from_variables(
    environ: Mapping[str, str], cwd: Path, problems: Problems
) -> dict[str, tuple[str, Any]]:
    known = {each.variable: each for each in SETTINGS}
    files = {each.file_variable: each for each in SETTINGS if each.is_hidden}
    strangers = unknown_variables(environ)
    found: dict[str, tuple[str, Any]] = {}
    for name, text in sorted(environ.items()):
        reader = _reader(name, cwd, problems)
        value: Any = NOTHING
        if each := known.get(name):
            value = reader.value(each.kind, each.kind.from_text(text), ())
        elif each := files.get(name):
            if each.variable in environ:
                reader.problem((), f"set either {each.variable} or {name}, not both")
            else:
                value = reader.from_file(each.kind, text, ())
        elif name in strangers:
            reader.problem((), strangers[name])
        if each and value is not NOTHING:
            found[each.name] = (name, value)
    return found


def _from_flags(
    flags: Mapping[str, object], cwd: Path, problems: Problems
) -> dict[str, tuple[str, Any]]:
    known = {each.name: each for each in SETTINGS}
    found: dict[str, tuple[str, Any]] = {}
    for name, given in flags.items():
        if given is None:
            continue
        each = known.get(name)
        if each is None:
            raise SettingsError(f"there is no setting of this name: {name}")
        text = str(given) if isinstance(given, Path) else given
        raw = each.kind.from_text(text) if isinstance(text, str) else text
        reader = _reader(each.flag or name, cwd, problems)
        value = reader.value(each.kind, raw, ())
        found[name] = (f"flag {each.flag}" if each.flag else "caller", value)
    return found


def _add_platform(
    values: dict[str, Any], environ: Mapping[str, str], cwd: Path, problems: Problems
) -> None:
    """What a hosting platform says, for settings that nobody else has said anything about."""
    if PORT in environ and "listen" not in values:
        kind = Whole(0, PORT_MAX)
        port = _reader(PORT, cwd, problems, "; --listen or HOMEGRAPH_LISTEN go before it").value(
            kind, kind.from_text(environ[PORT]), ()
        )
        # Platforms that choose a port send their traffic to it from outside.
        values["listen"] = ListenAddress("0.0.0.0", port)  # noqa: S104
        values["sources"]["listen"] = PORT
    if DATABASE_URL in environ and "database" not in values:
        advice = "; --db or HOMEGRAPH_DATABASE go before it"
        values["database"] = _reader(DATABASE_URL, cwd, problems, advice).value(
            Database(), environ[DATABASE_URL], ()
        )
        values["sources"]["database"] = DATABASE_URL


def _reader(name: str, cwd: Path, problems: Problems, advice: str = "") -> Reader:
    return Reader(problems, cwd, lambda _: Place(name), advice)
