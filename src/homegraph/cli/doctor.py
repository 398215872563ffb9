"""``homegraph doctor``: try everything that is needed, and say for each failure what to do. What works and could be better comes with advice.

The commands' side is tried here (can the server be reached, is the admin token there and private, do the clocks agree); the
server tries its own side and sends what it found. A service account's key file is tried when one is named, by --credentials or
GOOGLE_APPLICATION_CREDENTIALS, at the Home Graph that is meant (``credential_checks``). A check never raises: what it meets is its
finding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import Admin, local_place, transport_to, transport_to_url
from homegraph.cli.caller import (
    BaseUrl,
    CredentialsFile,
    Target,
    To,
    address,
    credentials_variable,
)
from homegraph.cli.credential_checks import Trial, credential_checks, known_to_server, privacy
from homegraph.cli.documents import Check
from homegraph.cli.failure import FAILED
from homegraph.cli.options import DataDir, Json, Server, command, commands
from homegraph.cli.place import Place, Token, token
from homegraph.client.calls import Request, Response
from homegraph.client.transport import SyncTransport
from homegraph.errors import AdminRefused, HomegraphError, ServerUnreachable
from homegraph.settings.loading import unknown_variables

app = commands("Try everything that is needed; each failure comes with its fix.")

OK: Final = 200

LOOK_SECONDS: Final = 10.0
"""For one look at the server. It answers at once, or after the 5 s that it waits for a database that hangs; and that is to be told."""

READY: Final = (b"ok", b"not ready")
"""How a Home Graph's word about itself begins."""

SKEW_MAX_SECONDS: Final = 5.0
"""Between the clocks. Tokens and leases live for a minute and more."""

DATE_LAG_SECONDS: Final = 2.0
"""What Date may be behind its own clock: it has whole seconds, and servers make it once a second."""


@command(
    app, "doctor", "homegraph doctor", "homegraph doctor --credentials key.json --target google"
)
def doctor(
    *,
    credentials: CredentialsFile = None,
    target: Target = None,
    base_url: BaseUrl = None,
    project: Annotated[
        str | None, typer.Option(metavar="ID", help="The project that the key file should be of.")
    ] = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Check environment, server, database, clock and fulfillments. Exit code 1 when one of the checks fails.

    With --credentials, or with GOOGLE_APPLICATION_CREDENTIALS set, a service account's key file besides: whether it is
    whole, gives a token, and is taken by the Home Graph, which is asked for an agent user that nobody has. With --target google
    nothing else is tried.
    """
    checks = list(_variables(os.environ))
    to = address(target, base_url, server)
    trial = _trial(credentials, to, project)
    if target is not To.GOOGLE:
        place = local_place(server, data_dir)
        with transport_to(place) as transport:
            checks += _all(place, transport, os.environ, trial)
    elif trial is None:
        raise typer.BadParameter("name a key file to try at Google", param_hint="--credentials")
    if trial is not None:
        with transport_to_url(to) as transport:
            checks += credential_checks(trial, transport, lambda date: skew(date, _now()))
    if json:
        output.document(msgspec.json.encode({"checks": checks}))
    else:
        for check in checks:
            state = "ok  " if check.ok else "FAIL"
            output.data(output.visible(f"{state}  {check.name}: {check.detail}"))
            if check.fix:
                asked = "advice" if check.ok else "fix"
                output.data(output.visible(f"      {asked}: {check.fix}"))
    return 0 if all(check.ok for check in checks) else FAILED


def _trial(credentials: Path | None, to: str, project: str | None) -> Trial | None:
    """The key file to try, if one is named."""
    path = credentials or credentials_variable()
    return None if path is None else Trial(path, to, project or "")


def _variables(environment: Mapping[str, str]) -> Iterator[Check]:
    """What is misspelt in the environment. A server does not start with it; the other commands pass it over."""
    for name, wrong in unknown_variables(environment).items():
        fix = "Correct its name, or unset it."
        yield Check(name="variables", ok=False, detail=f"{name}: {wrong}", fix=fix)


def _all(
    place: Place, transport: SyncTransport, environment: Mapping[str, str], trial: Trial | None
) -> list[Check]:
    reached, answer = _reach(place, transport)
    allowed, bearer = _token(place, environment)
    checks = [reached, allowed]
    if answer is None:
        return checks
    checks.append(skew(answer.headers.get("date"), _now()))
    if bearer is not None:
        try:
            admin = Admin(place, bearer.value, transport)
            checks += documents.read(admin.get("doctor"), documents.Checks).checks
        except HomegraphError as exc:
            checks.append(Check(name="admin API", ok=False, detail=exc.message, fix=exc.hint))
        else:
            if trial is not None and trial.to == place.server:
                checks += known_to_server(trial.path, admin)
    return checks


def _reach(place: Place, transport: SyncTransport) -> tuple[Check, Response | None]:
    fix = ""
    answer = None
    try:
        answer = transport.send(Request("GET", f"{place.server}/readyz", (), b"", LOOK_SECONDS))
    except ServerUnreachable as exc:
        detail = exc.message
        fix = "Start it with `homegraph serve`, or name another with --server."
    else:
        detail = f"{place.server} is ready"
        if not answer.body.startswith(READY):
            detail = f"{place.server} answers {answer.status}, and not as a Home Graph does"
            fix = "Check --server: something else listens there, or a proxy that does not reach the Home Graph."
        elif answer.status != OK:
            detail = f"{place.server} answers, and is not ready ({answer.status})"
            fix = "See the checks below, and the server's log."
    return Check(name="server", ok=not fix, detail=detail, fix=fix), answer


def _token(place: Place, environment: Mapping[str, str]) -> tuple[Check, Token | None]:
    name = "admin token"
    try:
        found = token(place, environment)
    except AdminRefused as exc:
        return Check(name=name, ok=False, detail=exc.message, fix=exc.hint), None
    if found.path is None:
        return Check(name=name, ok=True, detail=f"from {found.source}"), found
    return privacy(name, found.path, f"{found.path} is private"), found


def skew(date: str | None, now: float) -> Check:
    """Compare the server's Date with this machine's clock (seconds since 1970)."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return Check(
            name="clock skew",
            ok=False,
            detail="the server does not tell its time",
            fix="Something between here and the server removes or changes the Date header.",
        )
    behind = now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).timestamp()
    apart = max(-behind, behind - DATE_LAG_SECONDS, 0.0)
    ok = apart < SKEW_MAX_SECONDS
    return Check(
        name="clock skew",
        ok=ok,
        detail=f"{apart:.0f} s apart from the server's",
        fix="" if ok else "Let both machines synchronise their clocks (NTP).",
    )


def _now() -> float:
    from homegraph.service.clock import SystemClock

    return SystemClock().now()
