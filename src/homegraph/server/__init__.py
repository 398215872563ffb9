"""The composition root: builds the one house of a process, opens its doors, and shuts them in order.

``running`` is all of it as a context manager; ``serve`` adds what a command needs (banner, signals, exit code). Tests and
the demo use ``running``, so that they try the very server that is shipped. The house is put together in ``house``, the
doors are in ``doors``, signals and memory in ``process``, what supervises it is told by ``supervisor``, and several processes instead of
one are in ``workers``.

The order matters. On the way in: socket, database, what the file declares, duties, doors. On the way out: the
readiness probe says no, nothing is claimed any more, callers who wait get their answer within the grace, what is
left is handed back, and only then the database is closed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from homegraph import __version__
from homegraph.errors import SettingsError
from homegraph.server.doors import Addresses, opened, rpc_listener, taken, url_of
from homegraph.server.house import built, duties
from homegraph.server.process import (
    allow_connections,
    forget_unwritten,
    loop_factory,
    stopped_by_signals,
    tell,
    tune_memory,
)
from homegraph.server.supervisor import READY, STOPPING, tell_supervisor
from homegraph.server.workers import PATIENCE_SECONDS, Leash, Watch
from homegraph.service import declaring, lines, log
from homegraph.service.clock import Clock, SystemClock, SystemIds
from homegraph.service.events import Listener
from homegraph.service.house import House
from homegraph.service.vault import secret_file
from homegraph.service.views.projects import shown_url
from homegraph.settings.addresses import ListenAddress, is_postgres
from homegraph.settings.loading import load
from homegraph.settings.projects import ProjectSettings
from homegraph.settings.server import Settings
from homegraph.web.app import NAMELESS, build_app

__all__ = ["Running", "banner", "running", "serve"]

ADMIN_TOKEN_FILE: Final = "admin-token"  # noqa: S105  # a file name

PROJECTS_NAMED_MAX: Final = 10
"""Projects that the banner names. With more of them, what to do next would be far above the screen."""


@dataclass(slots=True)
class Running:
    """A server that answers. ``url`` has no trailing slash; it is empty when it listens on a Unix socket.

    ``grpc`` is where channels are opened to, e.g. "127.0.0.1:4664"; empty without gRPC.
    """

    house: House
    url: str
    where: str
    admin_token: str = field(repr=False)
    grpc: str = ""


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock | None = None,
    listeners: Iterable[Listener] = (),
    addresses: Addresses | None = None,
    instance: str = "",
) -> AsyncIterator[Running]:
    """A server on the settings' address, until the context ends. ``listeners`` hear of everything from the start.

    ``addresses`` were taken before, by somebody who lets go of them, too. ``instance`` is the id of this process.

    Raises:
        SettingsError: an address cannot be listened on, gRPC is wanted and not installed, or the encryption key is not usable.
        KeyMismatch: the encryption key is not the one that the database was written with.
        DatabaseInUse: another process owns the database.
        SchemaTooNew: a newer version wrote it.
    """
    clock = clock or SystemClock()
    ids = SystemIds(clock)
    with taken(settings) if addresses is None else nullcontext(addresses) as held:
        url = url_of(settings, held.listening)
        where = url or str(settings.listen)
        admin_token = secret_file(settings.data_dir / ADMIN_TOKEN_FILE, ids.secret)
        async with built(settings, clock, url, instance or ids.short()) as house:
            for listener in listeners:
                house.events.subscribe(listener)
            await declaring.declare(house)
            app = build_app(
                house, admin_token=admin_token, url=settings.base_url or url, started_at=clock.now()
            )
            help_base = f"{settings.base_url or url or NAMELESS}/errors/"
            rpc = rpc_listener(house, held.for_rpc, help_base)
            async with (
                duties(house, where),
                opened(app, held.listening, rpc, house) as grpc,
            ):
                yield Running(house, url, where, admin_token, grpc)


def serve(flags: Mapping[str, object]) -> int:
    """Run a server until a signal ends it; the exit code is the process's.

    With several workers it returns in each of them, too.
    """
    # Before the log is: what is registered first is called last.
    atexit.register(forget_unwritten)
    config = flags.get("config")
    settings = load(
        {name: value for name, value in flags.items() if name not in ("config", "json")},
        os.environ,
        Path(str(config)) if config else None,
        Path.cwd(),
    )
    allow_connections()
    if settings.workers > 1:
        return _serve_by_workers(settings)
    tune_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    instance = SystemIds(SystemClock()).short()
    with stopped_by_signals(stop):
        listener = _log_listener(settings, instance)
        async with running(settings, listeners=[listener], instance=instance) as server:
            _greet(settings, server.url, server.where, server.grpc)
            await stop.wait()
            _take_leave(settings)


def _serve_by_workers(settings: Settings) -> int:
    if not is_postgres(settings.database):
        raise SettingsError(
            "an SQLite file belongs to one process, so there cannot be several workers",
            place="workers",
            hint="Set workers to 1, or use a PostgreSQL database (docs/howto/postgresql.md).",
        )
    with taken(settings, shared=True) as addresses:
        url = url_of(settings, addresses.listening)
        grpc = ""
        if addresses.for_rpc is not None:
            port = addresses.for_rpc.getsockname()[1]
            grpc = str(ListenAddress(settings.grpc_listen.host, port))
        logger = lines.logger(settings.log_format, settings.log_level)
        watch = Watch(
            settings.workers,
            lambda: _greet(settings, url, url or str(settings.listen), grpc),
            lambda: _take_leave(settings),
            logger,
            settings.grace_seconds + PATIENCE_SECONDS,
        )

        def work(leash: Leash) -> None:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(_work(settings, addresses, leash))

        tune_memory()
        return watch.run(work)


async def _work(settings: Settings, addresses: Addresses, leash: Leash) -> None:
    """What a worker does: all that a server of one process does, but for talking to whoever started it."""
    stop = asyncio.Event()
    instance = SystemIds(SystemClock()).short()
    with leash.stops(stop):
        listener = _log_listener(settings, instance)
        async with running(settings, listeners=[listener], addresses=addresses, instance=instance):
            leash.tell_ready()
            await stop.wait()


def _log_listener(settings: Settings, instance: str) -> Listener:
    """Log lines. Where processes may share a log, each line tells whose it is."""
    logger = lines.logger(settings.log_format, settings.log_level)
    return log.listener(
        logger.bind(instance=instance) if is_postgres(settings.database) else logger
    )


def _greet(settings: Settings, url: str, where: str, grpc: str) -> None:
    for warning in settings.warnings:
        tell(sys.stderr, f"warning: {warning}\n")
    tell(sys.stdout, banner(settings, url, where, grpc))
    tell_supervisor(READY)


def _take_leave(settings: Settings) -> None:
    tell_supervisor(STOPPING)
    tell(sys.stderr, f"\nstopping; kept: {settings.database_text}\n")


def banner(settings: Settings, url: str, where: str, grpc: str) -> str:
    """What is said when the server answers: where everything is, and what to do next."""
    lines = [
        ("API", f"{url}/v1/" if url else where, "base URL for your client"),
        ("gRPC", grpc, "for channels; without TLS"),
        ("Status", f"{url}/readyz" if url else "", ""),
        ("Database", settings.database_text, ""),
        ("Workers", str(settings.workers) if settings.workers > 1 else "", ""),
        *_project_lines(settings.projects),
    ]
    rows = "\n".join(
        f"  {name:<13} {value:<34} {note}".rstrip()
        for name, value, note in lines
        if value or name == "API"
    )
    hint = (
        "homegraph links list"
        if settings.projects
        else "write a homegraph.toml (docs/reference/settings.md), or look around with: homegraph demo"
    )
    return (
        f"homegraph {__version__}   local Home Graph (not affiliated with Google)\n\n"
        f"{rows}\n\n  Try:  {hint}\n  Stop: Ctrl-C\n"
    )


def _project_lines(projects: Sequence[ProjectSettings]) -> Iterator[tuple[str, str, str]]:
    for index, project in enumerate(projects[:PROJECTS_NAMED_MAX]):
        yield (
            "Project" if index == 0 else "",
            project.id,
            f"-> {shown_url(project.fulfillment_url)}",
        )
    if len(projects) > PROJECTS_NAMED_MAX:
        yield "", f"and {len(projects) - PROJECTS_NAMED_MAX} more", "homegraph projects list"
