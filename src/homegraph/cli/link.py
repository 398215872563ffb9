"""``homegraph link``: link a user's account at the login page of a device cloud.

The command prints the address, and waits until the browser has been there and the devices have arrived. Where the redirect cannot
reach the server, the address that the browser has ended at is carried there: it holds a code, which is good once and for
minutes, and should not stand among the arguments of a process, which everybody on a machine can read. So it may come on stdin.

Whether anybody comes back is heard by a call that waits at the server; this end asks again, and sleeps nowhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import Admin, connect
from homegraph.cli.options import DataDir, Json, Server, command, commands, seconds
from homegraph.cli.time_lines import finding_lines
from homegraph.errors import ApiError, SettingsError
from homegraph.wire.status import REASONS, row_of

app = commands("Link a user's account.")

CALL_SECONDS: Final = 20.0
"""How long one call waits at the server. It has a bound there, too, and this command asks again."""

FINISH_SECONDS: Final = 90.0
"""For the exchange of a code and the first SYNC, which the server gives 10 and 60 s."""

TIMEOUT: Final = "10m"
"""As long as a person may take to sign in."""

URL_CHARS_MAX: Final = 16_384
"""Of an address on stdin, as much as the server takes."""

WAITING: Final = ("waiting", "syncing")

DEADLINE: Final = "DEADLINE_EXCEEDED"


@command(
    app,
    "link",
    "homegraph link acme --user anna",
    "homegraph link acme --user anna --no-wait --json",
    "homegraph link acme --user anna --paste -",
)
def link(  # noqa: PLR0913  # one argument per option
    *,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")],
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="The user's name here; any name.")
    ] = None,
    paste: Annotated[
        str | None,
        typer.Option(
            "--paste",
            metavar="URL",
            help="The address that the browser has ended at, where the redirect could not reach the server; - reads it from "
            "stdin, so that others on this machine do not see the code in it.",
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Whether to wait for the devices to arrive."),
    ] = True,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="How long to wait: 90s, 5m.")
    ] = TIMEOUT,
    locale: Annotated[
        str | None, typer.Option(metavar="TAG", help="The language for the login page: de-DE.")
    ] = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Link a user's account at the login page of a device cloud.

    Prints the address to open in a browser, waits, and tells what arrived, or why not. A linking that is started here may be
    finished in any browser.
    """
    if user is None and paste is None:
        raise typer.BadParameter("say whose account it is", param_hint="--user")
    most = seconds(timeout)
    with connect(server, data_dir) as admin:
        if paste is not None:
            url = _from_stdin() if paste == "-" else paste
            answer = {"project": project, "url": url, "user": user}
            body = admin.post("links/finish", answer, seconds=FINISH_SECONDS)
            _show_pasted(admin, body, as_json=json)
            return 0
        body = admin.post("links/start", {"project": project, "user": user, "locale": locale})
        begun = documents.read(body, documents.Linking)
        if not wait:
            _show_begun(begun, body, as_json=json)
            return 0
        say = output.note if json else output.data
        say(f"Open this address in a browser and sign in:\n\n  {begun.authorization_url}\n")
        output.note(f"Waiting until {output.local(begun.expires_at)}; Ctrl-C stops waiting.")
        body = _wait(admin, begun, most)
    found = documents.read(body, documents.LinkingStanding)
    if json:
        output.document(body)
    if found.stage != "linked":
        raise _failure(found)
    if not json:
        _show_linked(found)
    return 0


def _from_stdin() -> str:
    """The address, which is all that is on stdin."""
    try:
        text = sys.stdin.read(URL_CHARS_MAX + 1).strip()
    except UnicodeDecodeError as exc:
        raise SettingsError("is not text.", place="stdin", hint="") from exc
    if not text:
        raise SettingsError("is empty.", place="stdin", hint="Give the address on stdin.")
    return text


def _wait(admin: Admin, begun: documents.Linking, most: float) -> bytes:
    """How the linking stands when it has ended, or when the time is over."""
    end = time.monotonic() + most
    while True:
        left = max(0.0, end - time.monotonic())
        body = admin.get(
            "linking",
            project=begun.project_id,
            linking=begun.linking,
            seconds=f"{min(left, CALL_SECONDS):.3f}",
        )
        found = documents.read(body, documents.LinkingStanding)
        if found.stage not in WAITING or left <= 0:
            return body


def _failure(found: documents.LinkingStanding) -> ApiError:
    """Why the account is not linked. Who has waited in vain has no reason yet, but a status."""
    if found.reason in ("", "LINKING_EXPIRED"):
        return ApiError(
            found.message or "Nobody has come back from the login page in time.",
            http_status=ApiError.NO_ANSWER,
            status=DEADLINE,
            hint="Start again with `homegraph link`. If the browser has ended at an address that cannot be reached, "
            "give that one to --paste.",
        )
    told = found.explanation
    code = found.reason if found.reason in REASONS else "INTERNAL"
    return ApiError(
        found.message,
        http_status=ApiError.NO_ANSWER,
        status=row_of(code).status,
        reason=code,
        hint=told.fix if told is not None else "",
    )


def _show_begun(begun: documents.Linking, body: bytes, *, as_json: bool) -> None:
    if as_json:
        output.document(body)
        return
    output.data(begun.authorization_url)
    output.note(
        f"Open it before {output.local(begun.expires_at)}. It leads back to {begun.redirect_uri}."
    )


def _show_pasted(admin: Admin, body: bytes, *, as_json: bool) -> None:
    """The link, and what arrived with it."""
    if as_json:
        output.document(body)
        return
    made = documents.read(body, documents.Link)
    listed = admin.get("devices", project=made.project_id, agent_user=made.agent_user_id)
    devices = tuple(
        documents.Arrived(device.id, device.placement.name)
        for device in documents.read(listed, documents.Devices).devices
    )
    _show_linked(
        documents.LinkingStanding(
            project_id=made.project_id, user=made.user, link=made, devices=devices
        )
    )


def _show_linked(found: documents.LinkingStanding) -> None:
    for line in _linked(found):
        output.data(output.visible(line))


def _linked(found: documents.LinkingStanding) -> Iterator[str]:
    agent_user = found.link.agent_user_id if found.link is not None else "-"
    count = len(found.devices)
    yield (
        f"{found.user} is linked to {found.project_id}: agent user {agent_user}, "
        f"{count} device{'' if count == 1 else 's'}"
    )
    for device in found.devices:
        yield f"  {device.name or device.id} ({device.id})"
    for line in finding_lines(found.findings):
        yield f"  {line}"
