"""What can be wrong with a running server, looked at one by one: for the readiness probe, and for ``homegraph doctor``.

``readiness`` asks what decides whether calls can be served: is the server stopping, can the database be written to, does
the loop claim. It is asked every few seconds by machines, so it is cheap, and bounded in time.

``examine`` looks further and is asked by people: clock, data folder, interpreter, each project's fulfillment and token endpoint, each
link, and whether devices that promised reports have any.
Every check that fails says what to do. A fulfillment is tried by a POST of ``{}`` without a token: whatever it answers, even
a refusal, shows that it is there.

The rule that is easily broken: a check never raises, and never waits without a bound. A doctor who falls ill with the
patient is of no use.
"""

from __future__ import annotations

import asyncio
import stat
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from homegraph.errors import FulfillmentError, ReplyTooLarge, StoreError, StoreUnavailable
from homegraph.graph.model import Link, LinkState, Project
from homegraph.service.clock import rfc3339
from homegraph.service.house import House
from homegraph.service.interpreter import FIX, interpreter
from homegraph.service.promises import kept_promises
from homegraph.service.reading import all_links
from homegraph.service.views.projects import shown_url
from homegraph.service.views.server import Advice, Check
from homegraph.wire.status import REASONS

DATABASE_SECONDS_MAX: Final = 5.0
"""For one write. A database that takes longer does not serve calls either."""

TRY_SECONDS_MAX: Final = 5.0
"""For one fulfillment; Google asks for an answer to SYNC within this time."""

TRIES_AT_ONCE_MAX: Final = 64
"""Fulfillments that are tried together."""

TRYING_SECONDS_MAX: Final = 20.0
"""For all of them. Whoever asks waits 30 s; hundreds that hang must not keep what else is wrong from being told."""

TRY_REPLY_MAX_BYTES: Final = 64 * 1024

FUTURE_SECONDS_MAX: Final = 2.0
"""How far a stored time may be ahead of the clock: clocks are corrected by less than this while a server runs."""

NAMED_MAX: Final = 50
"""Fulfillments, links and the like that are listed one by one: of each so many that are well, and so many that are not."""


async def readiness(house: House) -> tuple[Check, ...]:
    """Whether calls can be served now."""
    stopping = house.loop.stopping
    database = await _database(house)
    beating = house.loop.is_beating()
    return (
        Check(name="serving", ok=not stopping, detail="stopping" if stopping else "yes"),
        Check(name=database.name, ok=database.ok, detail=database.detail),
        Check(
            name="worker",
            ok=beating,
            detail="beating" if beating else "has not looked at the database lately",
        ),
    )


async def examine(house: House) -> tuple[Advice, ...]:
    """Everything that is worth a look."""
    database = await _database(house)
    checks = [
        database,
        *(_shortage(house) if database.ok else ()),
        _advice(
            Check(name="worker", ok=house.loop.is_beating(), detail=_worker_detail(house)),
            "Restart the server; its log says why the loop has stopped."
            if database.ok
            else "It waits for the database.",
        ),
        *_data_folder(house),
        _interpreter(),
    ]
    if not database.ok:
        return tuple(checks)
    try:
        projects = await house.store.projects()
        checks.append(await _clock(house))
        checks += await _fulfillments(house, projects)
        links = await _links(house)
        checks += _named("token endpoints", _token_endpoints(projects, links.refreshable))
        checks += links.advice()
        checks += _named("reports", await kept_promises(house, projects))
    except StoreError as exc:
        checks.append(Advice(name="database", ok=False, detail=exc.message, fix=exc.hint))
    return tuple(checks)


def _advice(check: Check, fix: str) -> Advice:
    return Advice(name=check.name, ok=check.ok, detail=check.detail, fix="" if check.ok else fix)


def _named(kind: str, checks: Sequence[Advice]) -> list[Advice]:
    """The checks, which are one of each project; where there are many, the first of them, and how many more there are."""
    seen: Counter[bool] = Counter()
    shown = []
    for one in checks:
        seen[one.ok] += 1
        if seen[one.ok] <= NAMED_MAX:
            shown.append(one)
    if (well := seen[True] - NAMED_MAX) > 0:
        shown.append(Advice(name=kind, ok=True, detail=f"{well} more without a problem"))
    if (ill := seen[False] - NAMED_MAX) > 0:
        fix = "Mend those that are named, then ask again."
        shown.append(Advice(name=kind, ok=False, detail=f"{ill} more with a problem", fix=fix))
    return shown


async def _database(house: House) -> Advice:
    """Whether it takes a write. What to do about it the store knows best."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS_MAX):
            await house.store.check()
    except TimeoutError:
        found: StoreError = house.store.shortage or StoreUnavailable(
            f"no answer within {DATABASE_SECONDS_MAX:.0f} s",
            hint="Look what keeps it busy: the disk, or on PostgreSQL pg_stat_activity.",
        )
    except StoreError as exc:
        found = exc
    else:
        return Advice(name="database", ok=True, detail="writable")
    return Advice(name="database", ok=False, detail=found.message, fix=found.hint)


def _shortage(house: House) -> list[Advice]:
    """Advice, no failure: with fewer connections calls wait for each other."""
    short = house.store.shortage
    if short is None:
        return []
    return [Advice(name="database connections", ok=True, detail=short.message, fix=short.hint)]


def _interpreter() -> Advice:
    """Advice, no failure: a server that is slower than it could be serves."""
    named, is_fast = interpreter()
    return Advice(name="python", ok=True, detail=named, fix="" if is_fast else FIX)


def _worker_detail(house: House) -> str:
    if house.loop.stopping:
        return "stopping"
    return "beating" if house.loop.is_beating() else "has not looked at the database lately"


async def _clock(house: House) -> Advice:
    """Compare the clock with the newest run: a clock that was set back makes leases and histories wrong."""
    now = house.clock.now()
    newest = max((run.finished_at for run in await house.store.runs(limit=1)), default=now)
    ahead = newest - now
    if ahead <= FUTURE_SECONDS_MAX:
        return Advice(name="clock", ok=True, detail=f"{rfc3339(now)}")
    return Advice(
        name="clock",
        ok=False,
        detail=f"it is {rfc3339(now)}, but the newest run ended {ahead:.0f} s later",
        fix="Set the machine's clock (time synchronisation), then restart the server.",
    )


# --- files ---------------------------------------------------------------------------------------------------------


def _data_folder(house: House) -> list[Advice]:
    """What is in the folder is for the server's own user only: by the mode of the folder, or of every file in it.

    Whoever may write into it needs to read nothing: he can put another file in the place of one.
    """
    folder = house.settings.data_dir
    open_to_others: list[Path] = []
    try:
        if _may_be_filled(folder):
            return [
                Advice(
                    name="data folder",
                    ok=False,
                    detail=f"others on this machine may put files of theirs into {folder}",
                    fix=f"chmod o-w {str(folder)!r}",
                )
            ]
        if _is_open(folder):
            open_to_others = [p for p in sorted(folder.iterdir()) if p.is_file() and _is_open(p)]
    except FileNotFoundError:
        return []  # kept in memory, and the secrets came from the environment
    except OSError as exc:
        return [
            Advice(
                name="data folder",
                ok=False,
                detail=f"{folder}: {exc.strerror}",
                fix="Give the folder to the user who runs the server.",
            )
        ]
    if not open_to_others:
        return [Advice(name="data folder", ok=True, detail=f"{folder} is private")]
    named = ", ".join(str(path) for path in open_to_others)
    return [
        Advice(
            name="data folder",
            ok=False,
            detail=f"others on this machine may read {named}",
            fix=f"chmod go= {' '.join(repr(str(path)) for path in open_to_others)}",
        )
    ]


def _is_open(path: Path) -> bool:
    """Whether group or others may do anything with it."""
    return bool(stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO))


def _may_be_filled(folder: Path) -> bool:
    """Whether everybody may replace what is in it. In a sticky folder they have files of their own; a group is often the user's."""
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


# --- projects ------------------------------------------------------------------------------------------------------


async def _fulfillments(house: House, projects: Sequence[Project]) -> list[Advice]:
    if not projects:
        return []
    places = asyncio.Semaphore(TRIES_AT_ONCE_MAX)
    tries = [asyncio.create_task(_fulfillment(house, p, places)) for p in projects]
    try:
        tried, untried = await asyncio.wait(tries, timeout=TRYING_SECONDS_MAX)
    finally:
        for one in tries:
            one.cancel()
    checks = _named("fulfillments", [one.result() for one in tries if one in tried])
    if untried:
        checks.append(
            Advice(
                name="fulfillments",
                ok=False,
                detail=f"{len(untried)} more were not tried within {TRYING_SECONDS_MAX:.0f} s",
                fix="Mend those that do not answer, then ask again.",
            )
        )
    return checks


async def _fulfillment(house: House, project: Project, places: asyncio.Semaphore) -> Advice:
    name, where = f"fulfillment of {project.id}", shown_url(project.fulfillment_url)
    async with places:
        try:
            reply = await house.transport.post(
                project,
                project.fulfillment_url,
                (("content-type", "application/json"),),
                b"{}",
                seconds_max=TRY_SECONDS_MAX,
                reply_max_bytes=TRY_REPLY_MAX_BYTES,
                repeatable=True,
            )
        except ReplyTooLarge:
            return Advice(name=name, ok=True, detail=f"{where} answers")
        except FulfillmentError as exc:
            return Advice(name=name, ok=False, detail=f"{where}: {exc.message}", fix=exc.hint)
    return Advice(name=name, ok=True, detail=f"{where} answers (HTTP {reply.status})")


def _token_endpoints(projects: Sequence[Project], refreshable: AbstractSet[str]) -> list[Advice]:
    """Each project for which a refresh token is held needs an address to use it at."""
    return [
        Advice(name=f"token endpoint of {project.id}", ok=True, detail=shown_url(url))
        if (url := project.oauth.token_url)
        else Advice(
            name=f"token endpoint of {project.id}",
            ok=False,
            detail="a refresh token is held, but there is no token_url to use it at",
            fix=f"Set token_url in [projects.{project.id}.oauth] of homegraph.toml.",
        )
        for project in projects
        if project.id in refreshable
    ]


# --- links ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Links:
    """What one look at all links has found. ``refreshable`` are the projects for which a refresh token is held."""

    well: int = 0
    ill: list[Link] = field(default_factory=list)
    more: int = 0
    refreshable: set[str] = field(default_factory=set)

    def count(self, link: Link) -> None:
        """Take one link into account."""
        if link.state is LinkState.UNLINKED:
            return
        if link.tokens.sealed_refresh:
            self.refreshable.add(link.project_id)
        if link.state is not LinkState.BROKEN and not link.problem:
            self.well += 1
        elif len(self.ill) < NAMED_MAX:
            self.ill.append(link)
        else:
            self.more += 1

    def advice(self) -> list[Advice]:
        """One line for the links that are well, one for each that is not."""
        lines = [Advice(name="links", ok=True, detail=f"{self.well} without a problem")]
        lines += map(_ill_link, self.ill)
        if self.more:
            fix = "`homegraph links list` shows all of them."
            lines.append(
                Advice(name="links", ok=False, detail=f"{self.more} more with a problem", fix=fix)
            )
        return lines


async def _links(house: House) -> _Links:
    found = _Links()
    async for link in all_links(house.store):
        found.count(link)
    return found


def _ill_link(link: Link) -> Advice:
    reason = REASONS.get(link.problem)
    return Advice(
        name=f"link of {link.user_id} to {link.project_id}",
        ok=False,
        detail=f"{link.state.value}: {reason.title if reason else link.problem or 'no token'}",
        fix=reason.fix if reason else "Look at its runs with `homegraph runs list`.",
    )
