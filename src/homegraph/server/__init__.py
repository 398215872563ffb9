"""The composition root: builds the one house of a process, opens its doors, and shuts them in order.

``running`` is all of it as a context manager; ``serve`` adds what a command needs (banner, signals, exit code). Tests and
the demo use ``running``, so that they try the very server that is shipped. The house is put together in ``house``, the
doors are in ``doors``, signals and memory in ``process``.

The order matters. On the way in: socket, database, what the file declares, duties, doors. On the way out: the
readiness probe says no, nothing is claimed any more, callers who wait get their answer within the grace, what is
left is handed back, and only then the database is closed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from homegraph import __version__
from homegraph.server.doors import hold_for_rpc, listen, opened, rpc_listener, url_of
from homegraph.server.house import built, duties
from homegraph.server.process import loop_factory, stopped_by_signals, tune_memory
from homegraph.service import linking, log
from homegraph.service.clock import Clock, SystemClock, SystemIds
from homegraph.service.events import Listener
from homegraph.service.house import House
from homegraph.service.vault import secret_file
from homegraph.settings.server import Settings, load
from homegraph.web.app import NAMELESS, build_app

__all__ = ["Running", "banner", "running", "serve"]

ADMIN_TOKEN_FILE: Final = "admin-token"  # noqa: S105  # a file name


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
    settings: Settings, *, clock: Clock | None = None, listeners: Iterable[Listener] = ()
) -> AsyncIterator[Running]:
    """A server on the settings' address, until the context ends. ``listeners`` hear of everything from the start.

    Raises:
        SettingsError: an address cannot be listened on, gRPC is wanted and not installed, or the encryption key is not usable.
        DatabaseInUse: another process owns the database.
        SchemaTooNew: a newer version wrote it.
    """
    clock = clock or SystemClock()
    listening = listen(settings.listen, "listen")
    with listening, hold_for_rpc(settings) as held:
        url = url_of(settings, listening)
        admin_token = secret_file(settings.data_dir / ADMIN_TOKEN_FILE, SystemIds(clock).secret)
        async with built(settings, clock, url) as house:
            for listener in listeners:
                house.events.subscribe(listener)
            await linking.declare(house)
            app = build_app(
                house, admin_token=admin_token, url=settings.base_url or url, started_at=clock.now()
            )
            help_base = f"{settings.base_url or url or NAMELESS}/errors/"
            rpc = rpc_listener(house, held, help_base)
            async with duties(house), opened(app, listening, rpc, house) as grpc:
                yield Running(house, url, url or str(settings.listen), admin_token, grpc)


def serve(flags: Mapping[str, object]) -> int:
    """Run a server until a signal ends it; the exit code is the process's."""
    config = flags.get("config")
    settings = load(
        {name: value for name, value in flags.items() if name not in ("config", "json")},
        os.environ,
        Path(str(config)) if config else None,
        Path.cwd(),
    )
    tune_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        logger = log.logger(settings.log_format, settings.log_level)
        async with running(settings, listeners=[log.listener(logger)]) as server:
            for warning in settings.warnings:
                sys.stderr.write(f"warning: {warning}\n")
            sys.stdout.write(banner(server))
            sys.stdout.flush()
            await stop.wait()
            sys.stderr.write(f"\nstopping; kept: {server.house.settings.database_text}\n")


def banner(server: Running) -> str:
    """What is said when the server answers: where everything is, and what to do next."""
    settings = server.house.settings
    lines = [
        ("API", f"{server.url}/v1/" if server.url else server.where, "base URL for your client"),
        ("gRPC", server.grpc, "for channels; without TLS"),
        ("Status", f"{server.url}/readyz" if server.url else "", ""),
        ("Database", settings.database_text, ""),
        *(
            ("Project" if index == 0 else "", project.id, f"-> {project.fulfillment_url}")
            for index, project in enumerate(settings.projects)
        ),
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
