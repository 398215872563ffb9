"""``homegraph execute``: have devices do something, as their user would by voice or in the app.

Words with ``=`` are parameters, all others devices; the command is told by its parameters, or by ``--command``.

A challenge is asked on the terminal, where there is one. A PIN is never an argument: everybody on a machine can read the
arguments of everybody's processes, and shells keep them. Scripts give a file or a variable.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import ERRAND_SECONDS, Admin, connect
from homegraph.cli.failure import FAILED
from homegraph.cli.options import (
    AgentUser,
    DataDir,
    Json,
    Project,
    Server,
    command,
    commands,
    seconds,
)
from homegraph.cli.time_lines import (
    WHERE_MORE_IS,
    detail,
    explanation_lines,
    finding_lines,
    follow_up_lines,
)
from homegraph.errors import SettingsError

app = commands("Have devices do something.")

PIN_BYTES_MAX: Final = 1_024

ANSWERS_MAX: Final = 3
"""Challenges that are answered in one command. Who has mistyped a PIN three times should look it up."""

ACK: Final = "ackNeeded"
WRONG_PIN: Final = "challengeFailedPinNeeded"

WAIT_IN_ONE_CALL: Final = 10.0
"""Seconds that the server waits for a follow-up before it is asked again."""


@command(
    app,
    "execute",
    'homegraph execute "kitchen lamp" on=true --agent-user user-1',
    "homegraph execute lamp-1 lamp-2 brightness=40 --agent-user user-1 --json",
    "homegraph execute door lock=false --agent-user user-1 --pin-file pin.txt",
    "homegraph execute blinds openPercent=100 --agent-user user-1 --wait-follow-up 2m",
)
def execute(  # noqa: PLR0913  # one argument per option
    *,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORD",
            help="Devices by id or as they are called (kitchen lamp), and parameters (on=true, "
            "color.temperature=2700, key:=JSON).",
        ),
    ],
    agent_user: AgentUser,
    named: Annotated[
        str,
        typer.Option(
            "--command", metavar="NAME", help="The command, as OnOff or in full, if need be."
        ),
    ] = "",
    user: Annotated[
        str, typer.Option(metavar="USER", help="Whose link's token is used, if not the oldest.")
    ] = "",
    ack: Annotated[bool, typer.Option("--ack", help="Say yes to a device that asks.")] = False,
    pin_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", envvar="HOMEGRAPH_PIN_FILE", help="A file with the PIN, for scripts."
        ),
    ] = None,
    wait_follow_up: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Wait this long (30s, 2m) for the results that devices tell later.",
        ),
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Send it even where the catalog says it is wrong.")
    ] = False,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Have devices do something.

    The fulfillment is sent EXECUTE. What is stored of a device changes when the fulfillment reports it. A device that demands a yes or
    a PIN is asked about on the terminal. The exit code is 1 when a device did not do it, or a follow-up that is waited for tells of a
    failure or does not come.
    """
    devices = [word for word in words if "=" not in word]
    if not devices:
        raise typer.BadParameter(
            "no device is named; words with = are parameters. A device that has one in its id is named by its name.",
            param_hint="WORD",
        )
    pin = _given_pin(pin_file)
    wait_seconds = seconds(wait_follow_up) if wait_follow_up else 0.0
    with connect(server, data_dir) as admin:
        asked: dict[str, Any] = {
            "project": admin.project(project),
            "agent_user": agent_user,
            "devices": devices,
            "params": [word for word in words if "=" in word],
            "command": named,
            "user": user,
            "unchecked": unchecked,
        }
        told = _tell(admin, asked, ack=ack, pin=pin)
        followed = {
            one["device_id"]: one
            for errand in told.errands
            for one in _follow_ups(admin, errand, wait_seconds)
        }
    done = all(one["ok"] for one in told.results.values()) and not (
        wait_seconds and any(one["status"] != "SUCCESS" for one in followed.values())
    )
    _show(told.document(ok=done, follow_ups=list(followed.values())), as_json=json)
    return 0 if done else FAILED


@dataclass(slots=True)
class _Told:
    """What came of a command. It may have taken several errands: each answer to a challenge is one."""

    last: dict[str, Any] = field(default_factory=dict)
    errands: list[str] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Any] = field(default_factory=list)

    def add(self, errand: dict[str, Any]) -> None:
        """One more errand; what it brought of a device counts from now on."""
        self.last = errand
        self.errands.append(errand["id"])
        self.findings += errand["findings"]
        self.results |= {one["id"]: one for one in errand["devices"]}

    def challenge(self) -> str:
        """What devices ask for, if they do: one kind at a time, for the answer to one is no answer to another."""
        return next((one["challenge"] for one in self.results.values() if one["challenge"]), "")

    def document(self, *, ok: bool, follow_ups: list[dict[str, Any]]) -> dict[str, Any]:
        """All of it in the form of one errand, the last."""
        return {
            **self.last,
            "ok": ok,
            "errands": self.errands,
            "devices": list(self.results.values()),
            "findings": self.findings,
            "follow_ups": follow_ups,
        }


def _tell(admin: Admin, asked: dict[str, Any], *, ack: bool, pin: str) -> _Told:
    """Have the server send the command, and again with the answer where a device asks something that can be answered."""
    told = _Told()
    for answers_left in range(ANSWERS_MAX, -1, -1):
        told.add(
            documents.read(admin.post("execute", asked, seconds=ERRAND_SECONDS), dict[str, Any])
        )
        kind = told.challenge()
        answer = _answer(kind, told.results, ack=ack, pin=pin) if kind and answers_left else None
        if answer is None:
            break
        pin = ""  # once refused it is not tried again: locks count
        waiting = [one["id"] for one in told.results.values() if one["challenge"] == kind]
        asked = {**asked, "devices": waiting, "challenge": answer}
    return told


def _follow_ups(admin: Admin, errand: str, wait_seconds: float) -> list[dict[str, Any]]:
    """What devices that took the command told later; with ``wait_seconds`` as soon as all is told, or when they are over."""
    while True:
        part = min(wait_seconds, WAIT_IN_ONE_CALL)
        wait_seconds -= part
        body = admin.get("errand", id=errand, wait=str(part))
        document = documents.read(body, dict[str, Any])
        took = {one["id"] for one in document["devices"] if one["ok"]}
        found = [one for one in document["follow_ups"] if one["device_id"] in took]
        if wait_seconds <= 0 or all(one["answered_at"] for one in found):
            return found


def _given_pin(file: str | None) -> str:
    if file is None:
        return ""
    try:
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(PIN_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError("cannot be read as text.", place=file, hint="") from exc


def _answer(
    kind: str, results: dict[str, dict[str, Any]], *, ack: bool, pin: str
) -> dict[str, Any] | None:
    """What is answered to a challenge; None when nobody is there to be asked, or says no."""
    who = output.visible(", ".join(i for i, one in results.items() if one["challenge"] == kind))
    is_terminal = sys.stdin.isatty()
    if kind == ACK:
        if not ack and is_terminal:
            ack = typer.confirm(f"{who}: shall it be done?", err=True)
        return {"ack": True} if ack else None
    if not pin and is_terminal:
        wrong = "wrong PIN, again" if kind == WRONG_PIN else "PIN"
        pin = getpass(f"{who}: {wrong}: ")
    return {"pin": pin} if pin else None


def _show(document: dict[str, Any], *, as_json: bool) -> None:
    body = msgspec.json.encode(document)
    if as_json:
        output.document(body)
        return
    errand = documents.read(body, documents.Errand)
    output.table(
        ("DEVICE", "STATUS", "DETAIL"),
        [(one.id, one.status or "-", detail(one)) for one in errand.devices],
        empty="No devices.",
    )
    for line in (
        *_unanswered(errand),
        *follow_up_lines(errand.follow_ups),
        *explanation_lines(errand.explanation),
        *finding_lines(errand.findings),
    ):
        output.note(output.visible(line))
    output.note(WHERE_MORE_IS.format(errand.id))


def _unanswered(errand: documents.Errand) -> Iterator[str]:
    """How devices that demanded something could be answered."""
    for one in errand.devices:
        if one.challenge:
            yield f"{one.id}: {one.challenge}; {_way_out(one.challenge)}, and on a terminal you are asked."


def _way_out(challenge: str) -> str:
    if challenge == ACK:
        return "--ack says yes"
    if challenge == WRONG_PIN:
        return "the PIN was wrong; --pin-file FILE has the right one"
    return "--pin-file FILE has the PIN"
