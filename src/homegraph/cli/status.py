"""``homegraph status``: is the server well, and how is it set up. With ``--wait`` the health check of containers and scripts."""

from __future__ import annotations

import os
import threading
import time
from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import Admin, local_place, transport_to
from homegraph.cli.options import DataDir, Json, Server, command, commands, seconds
from homegraph.cli.place import Place, token
from homegraph.cli.projects import counted
from homegraph.client.calls import Request
from homegraph.client.transport import SyncTransport
from homegraph.errors import AdminRefused, HomegraphError, ServerUnreachable

app = commands("Is the server well, and how is it set up.")

OK: Final = 200
NOT_READY: Final = 1
"""The exit code when the server answers and something is wrong with it."""

POLL_SECONDS: Final = 0.2
"""Between two looks. A server of ours is ready within a second, so five looks a second lose next to nothing."""

LOOK_SECONDS: Final = 5.0
"""For one look at /readyz, which answers at once or hangs."""


class NotReadyInTime(HomegraphError):
    """The server was not ready in time."""

    code, retryable = "DEADLINE_EXCEEDED", True
    hint = "Look into the server's log; `homegraph doctor` tries what it needs."


@command(
    app,
    "status",
    "homegraph status",
    "homegraph status --wait --timeout 30s",
    "homegraph status --cluster",
)
def status(
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the server is ready.")] = False,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait: 30s, 500ms, 2m.")
    ] = "30s",
    settings: Annotated[
        bool, typer.Option("--settings", help="Each setting, and where it came from.")
    ] = False,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="The processes that share the database.")
    ] = False,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show how the server is, or with --cluster which processes share its database and are alive.

    Exit code 0 when it is ready, 1 when one of its checks fails, 7 when --wait was not enough. With --wait no admin token
    is needed; then nothing but "ready" is shown.
    """
    allowed = seconds(timeout)
    place = local_place(server, data_dir)
    with transport_to(place) as transport:
        if wait:
            wait_until_ready(place, transport, allowed)
        try:
            bearer = token(place, os.environ).value
        except AdminRefused:
            if not wait or settings or cluster:
                raise
            if json:
                output.document(b'{"ready":true}')
            else:
                output.data("ready")
            return 0
        admin = Admin(place, bearer, transport)
        if cluster:
            return _show_cluster(admin.get("instances"), json=json)
        body = admin.get("status")
    found = documents.read(body, documents.Status)
    if json:
        output.document(body)
    elif settings:
        _show_settings(found)
    else:
        _show(found, place)
    return 0 if found.ready else NOT_READY


def wait_until_ready(place: Place, transport: SyncTransport, allowed_seconds: float) -> None:
    """Return when /readyz says yes.

    Raises:
        NotReadyInTime: it did not within the allowed time; tells what it said last.
    """
    end = time.monotonic() + allowed_seconds
    pause = threading.Event()
    while True:
        left = end - time.monotonic()
        said = _look(place, transport, max(POLL_SECONDS, min(left, LOOK_SECONDS)))
        if said is None:
            return
        if time.monotonic() + POLL_SECONDS >= end:
            raise NotReadyInTime(f"The server was not ready within {allowed_seconds:g} s: {said}")
        # Nobody tells a stranger's process when a port opens, so that looking again is all one can do.
        pause.wait(POLL_SECONDS)


def _look(place: Place, transport: SyncTransport, allowed_seconds: float) -> str | None:
    """None when the server is ready, else what is the matter."""
    try:
        answer = transport.send(Request("GET", f"{place.server}/readyz", (), b"", allowed_seconds))
    except ServerUnreachable as exc:
        return exc.message
    return None if answer.status == OK else f"{place.server}/readyz answers {answer.status}."


def _show(found: documents.Status, place: Place) -> None:
    counts = found.counts
    output.facts(
        [
            ("homegraph", f"{found.version}, {'ready' if found.ready else 'NOT READY'}"),
            ("address", place.server),
            ("instance", found.instance),
            ("up", duration(found.uptime_seconds)),
            ("database", found.database),
            ("projects", str(counts.projects)),
            ("links", counted(counts.links)),
            ("agent users", f"{counts.agent_users} with {counts.devices} devices"),
            ("runs", f"{counts.waiting} waiting, {counts.running} running, {counts.runs} kept"),
        ]
    )
    for check in found.checks:
        if not check.ok:
            output.data(output.visible(f"FAILED  {check.name}: {check.detail}"))
    for warning in found.warnings:
        output.note(output.visible(f"warning: {warning}"))


def _show_settings(found: documents.Status) -> None:
    output.table(
        ("SETTING", "VALUE", "FROM"),
        [(one.name, output.value(one.value), one.source) for one in found.settings],
        empty="The server tells no settings.",
    )


def _show_cluster(body: bytes, *, json: bool) -> int:
    if json:
        output.document(body)
        return 0
    found = documents.read(body, documents.Instances).instances
    output.table(
        ("INSTANCE", "ADDRESS", "MACHINE", "PROCESS", "VERSION", "STARTED", "SEEN", "RUNS"),
        [
            (
                one.id,
                one.address,
                one.machine,
                str(one.process),
                one.version,
                output.local(one.started_at),
                output.clock_time(one.seen_at),
                str(one.running),
            )
            for one in found
        ],
        empty="No process has said yet that it is alive.",
    )
    return 0


def duration(elapsed_seconds: float) -> str:
    """A time span in its two largest units: ``2 h 5 min``."""
    minutes, left = divmod(int(elapsed_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"
