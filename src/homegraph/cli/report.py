"""``homegraph report``: tell a Home Graph the states of devices, as a device cloud does.

States are flat, as QUERY has them. On the command line each is ``name=value``; a value that is JSON counts as JSON
(``on=true``, ``brightness=40``, ``color={"spectrumRgb":255}``), any other as text. Several devices come from a file.
"""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from homegraph.cli import output
from homegraph.cli.caller import (
    AgentUserId,
    BaseUrl,
    CredentialsFile,
    Target,
    address,
    calling,
)
from homegraph.cli.options import Json, command, commands
from homegraph.errors import SettingsError

app = commands("Tell a Home Graph the states of devices.")

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of a file with states. The server takes less in one call, and says so."""

STDIN: Final = "-"


@command(
    app,
    "report",
    "homegraph report user-1 lamp-1 online=true on=true brightness=40",
    "homegraph report user-1 --json-states states.json --credentials key.json",
)
def report(  # noqa: PLR0913  # one argument per option
    *,
    agent_user_id: AgentUserId,
    device_id: Annotated[
        str | None,
        typer.Argument(metavar="DEVICE", help="The device's id, as SYNC has it."),
    ] = None,
    states: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="States of it; values are JSON, or text."),
    ] = None,
    json_states: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="States as JSON: of DEVICE, or without it of several, by their ids. - is stdin.",
        ),
    ] = None,
    json_notifications: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What devices notify, as JSON by their ids."),
    ] = None,
    event_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The event that a notification is about.")
    ] = None,
    credentials: CredentialsFile = None,
    target: Target = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> int:
    """Report states to a Home Graph.

    Of each trait that is mentioned all states belong in; the others keep theirs. A service account is needed: --credentials, or
    what GOOGLE_APPLICATION_CREDENTIALS names.
    """
    said = _states(device_id, states or [], json_states)
    notified = None if json_notifications is None else _by_device(json_notifications)
    if not said and notified is None:
        raise typer.BadParameter("say what to report", param_hint="NAME=VALUE or --json-states")
    with calling(address(target, base_url), credentials=credentials) as caller:
        caller.client.report_state(
            agent_user_id, said, notifications=notified, event_id=event_id or ""
        )
        body = caller.body
    if json:
        output.document(body)
        return 0
    count = len({*said, *(notified or {})})
    output.data(
        output.visible(f"Reported {count} device{'' if count == 1 else 's'} of {agent_user_id}.")
    )
    return 0


def value_of(text: str) -> Any:
    """A value on the command line: JSON where it is JSON, else the text itself."""
    try:
        return _read(text)
    except (ValueError, RecursionError):
        return text


def _read(text: str | bytes) -> Any:
    """JSON, and nothing that could not be written as JSON again. Raises ValueError."""
    return jsonlib.loads(text, parse_constant=_no_constant, parse_float=_finite)


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are Python's own


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is beyond the largest number")
    return number


def _states(
    device_id: str | None, pairs: Sequence[str], file: str | None
) -> Mapping[str, Mapping[str, Any]]:
    """What is reported, by device."""
    if device_id is None:
        return {} if file is None else _by_device(file)
    said = {} if file is None else _object(file)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{pair!r} is no NAME=VALUE", param_hint="NAME=VALUE")
        said[name] = value_of(text)
    return {device_id: said} if said else {}


def _by_device(file: str) -> dict[str, dict[str, Any]]:
    content = _object(file)
    for device_id, members in content.items():
        if not isinstance(members, dict):
            raise SettingsError(
                f"The member {device_id!r} is no object.",
                place=file,
                hint='Write the states by device: {"lamp-1": {"on": true}}',
            )
    return content


def _object(file: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        SettingsError: there is none; names the file.
    """
    try:
        if file == STDIN:
            text = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as opened:
                text = opened.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            told = f"has more than {FILE_BYTES_MAX >> 20} MiB; no report may be so large."
            raise SettingsError(told, place=file, hint="Report fewer devices at once.")
        content = _read(text)
    except OSError as exc:
        raise SettingsError(f"cannot be read: {exc.strerror}.", place=file, hint="") from exc
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"is not JSON: {exc}.", place=file, hint="") from exc
    if not isinstance(content, dict):
        raise SettingsError(
            "is not a JSON object.",
            place=file,
            hint='Write the states by device: {"lamp-1": {"on": true}}',
        )
    return content
