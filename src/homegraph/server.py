"""The composition root: builds the one house of a process, opens its doors, and shuts them in order.

``running`` is all of it as a context manager; ``serve`` adds what a command needs (banner, signals, exit code). Tests and
the demo use ``running``, so that they try the very server that is shipped.

The order matters. On the way in: socket, database, what the file declares, duties, doors. On the way out: the
readiness probe says no, nothing is claimed any more, callers who wait get their answer within the grace, what is
left is handed back, and only then the database is closed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.types import ASGIApp

from homegraph import __version__
from homegraph.errors import SettingsError
from homegraph.graph.syncing import RetryPolicy
from homegraph.service import linking, log
from homegraph.service.budgets import Budgets
from homegraph.service.clock import Clock, SystemClock, SystemIds
from homegraph.service.credentials import Credentials
from homegraph.service.events import Events, Listener
from homegraph.service.house import House
from homegraph.service.loop import Loop
from homegraph.service.outbound import Bounds, Outbound
from homegraph.service.runs import Runs
from homegraph.service.tokens import own_addresses
from homegraph.service.transport import PyreqwestTransport
from homegraph.service.upkeep import Upkeep
from homegraph.service.vault import Vault, fresh_key, load_key, secret_file
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.server import Settings, load
from homegraph.store.port import Limits
from homegraph.store.sqlite import SqliteStore
from homegraph.web.app import NAMELESS, build_app
from homegraph.web.unread_body import deliver_unread

if TYPE_CHECKING:
    from homegraph.rpc.listener import RpcListener

ADMIN_TOKEN_FILE: Final = "admin-token"  # noqa: S105  # a file name
KEY_FILE: Final = "encryption.key"

CONNECTIONS_WAITING_MAX: Final = 2_048
KEEP_ALIVE_SECONDS: Final = 75
ANSWERS_SECONDS: Final = 2
"""For writing the last answers after the grace."""

QUERY_SECONDS: Final = 5.0
"""Google gives up on QUERY and EXECUTE after three to five seconds (observed)."""

SECONDS_PER_DAY: Final = 86_400.0

EXIT_INTERRUPTED: Final = 130


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
    listening = _listen(settings.listen, "listen")
    with listening, _hold_for_rpc(settings) as held:
        url = _url(settings, listening)
        admin_token = secret_file(settings.data_dir / ADMIN_TOKEN_FILE, SystemIds(clock).secret)
        async with _house(settings, clock, url) as house:
            for listener in listeners:
                house.events.subscribe(listener)
            await linking.declare(house)
            app = build_app(
                house, admin_token=admin_token, url=settings.base_url or url, started_at=clock.now()
            )
            help_base = f"{settings.base_url or url or NAMELESS}/errors/"
            rpc = _rpc_listener(house, held, help_base)
            async with _duties(house), _doors(app, listening, rpc, house) as grpc:
                yield Running(house, url, _where(settings, listening), admin_token, grpc)


def serve(flags: Mapping[str, object]) -> int:
    """Run a server until a signal ends it; the exit code is the process's."""
    config = flags.get("config")
    settings = load(
        {name: value for name, value in flags.items() if name not in ("config", "json")},
        os.environ,
        Path(str(config)) if config else None,
        Path.cwd(),
    )
    _tune_memory()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    with _signals(stop):
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


# --- the house ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _house(settings: Settings, clock: Clock, url: str) -> AsyncIterator[House]:
    ids = SystemIds(clock)
    store = await SqliteStore.open(settings.database_path, ids=ids.run, now=clock.now())
    transport = PyreqwestTransport()
    vault = Vault(_key(settings))
    events = Events()
    outbound = Outbound(
        transport,
        store,
        vault,
        clock,
        ids,
        Bounds(settings.sync_timeout_seconds, QUERY_SECONDS, settings.reply_max_bytes),
    )
    runs = Runs(
        store=store,
        outbound=outbound,
        events=events,
        policy=RetryPolicy(
            settings.retry_attempts_max,
            settings.retry_first_seconds,
            settings.retry_longest_seconds,
        ),
        journal_body_bytes=settings.journal_body_bytes,
    )
    loop = Loop(
        store=store,
        runs=runs,
        clock=clock,
        events=events,
        concurrency=settings.concurrency,
        project_concurrency=settings.project_concurrency,
        lease_seconds=settings.lease_seconds,
    )
    addresses = own_addresses(settings, url)
    try:
        yield House(
            settings=settings,
            store=store,
            clock=clock,
            ids=ids,
            vault=vault,
            transport=transport,
            events=events,
            credentials=Credentials(
                store, clock, {place for own in addresses for place in (own, f"{own}/")}
            ),
            budgets=Budgets.of(settings.quota_per_minute),
            runs=runs,
            loop=loop,
        )
    finally:
        await transport.close()
        await store.close()


def _key(settings: Settings) -> bytes:
    """A database in memory takes its key with it; any other needs the one it was written with."""
    if settings.database_path == ":memory:":
        return fresh_key()
    return load_key(settings.data_dir / KEY_FILE, settings.encryption_key.reveal())


@asynccontextmanager
async def _duties(house: House) -> AsyncIterator[None]:
    """The loop and its upkeep. A duty that fails for good ends the server: half a server helps nobody."""
    settings = house.settings
    upkeep = Upkeep(
        store=house.store,
        runs=house.runs,
        clock=house.clock,
        events=house.events,
        limits=Limits(
            settings.runs_kept,
            settings.exchanges_kept,
            settings.history_days * SECONDS_PER_DAY,
            settings.notifications_kept,
        ),
        lease_seconds=settings.lease_seconds,
    )
    try:
        async with asyncio.TaskGroup() as duties:
            duties.create_task(house.loop.work(), name="loop")
            duties.create_task(upkeep.heartbeat(), name="heartbeat")
            duties.create_task(upkeep.prune(), name="prune")
            try:
                yield
            finally:
                house.loop.stop()
                upkeep.stop()
    except BaseExceptionGroup as group:
        # Whoever uses ``running`` meets the exception that was raised, not how we keep our tasks.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


# --- the door ----------------------------------------------------------------------------------------------------


class _Door(uvicorn.Server):
    """uvicorn, without its signal handlers, and with an event for being ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the command's business

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@asynccontextmanager
async def _doors(
    app: ASGIApp, listening: socket.socket, rpc: RpcListener | None, house: House
) -> AsyncIterator[str]:
    """HTTP and gRPC, until the context ends; then callers who wait are answered within the grace. Gives gRPC's address.

    The loop stops claiming first, so that no new work starts while the door closes. Runs that outlast the grace are
    handed back, which answers their callers; the door waits a moment longer for those answers to be written.
    """
    grace = house.settings.grace_seconds
    door = _Door(
        uvicorn.Config(
            deliver_unread(app),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=CONNECTIONS_WAITING_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(grace) + ANSWERS_SECONDS,
        )
    )
    serving = asyncio.create_task(door.serve(sockets=[listening]), name="door")
    ready = asyncio.create_task(door.ready.wait())
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    try:
        yield await rpc.open() if rpc is not None else ""
    finally:
        house.loop.stop()
        door.should_exit = True
        drained = asyncio.create_task(house.runs.drain(grace))
        if rpc is not None:
            await rpc.close(drained, ANSWERS_SECONDS)
        await asyncio.gather(serving, drained)


def _listen(address: ListenAddress, place: str) -> socket.socket:
    """The socket, taken before anything else is touched, so that a port in use changes nothing."""
    try:
        if address.path:
            with suppress(FileNotFoundError):
                Path(address.path).unlink()  # left behind by a server that was killed
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(address.path)
            Path(address.path).chmod(0o600)
            return listening
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listening = socket.create_server(
            (address.host, address.port), family=family, backlog=CONNECTIONS_WAITING_MAX
        )
        # Accepted connections inherit it. asyncio's own loop would leave it off here, and an answer waits 40 ms then.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening  # noqa: TRY300  # what may fail stands together
    except OSError as exc:
        raise SettingsError(
            f"cannot listen on {address}: {exc.strerror}",
            place=place,
            hint="Another program has this port, or a server runs already: `homegraph status` tells. "
            f"--{place.replace('_', '-')} takes another.",
        ) from exc


@contextmanager
def _hold_for_rpc(settings: Settings) -> Iterator[socket.socket | None]:
    """The address for gRPC, when there is one, held for its listener: that takes it as soon as there is something to serve."""
    if settings.grpc_listen.is_nowhere:
        yield None
        return
    _rpc_room()
    with _listen(settings.grpc_listen, "grpc_listen") as held:
        yield held


def _rpc_listener(house: House, held: socket.socket | None, help_base: str) -> RpcListener | None:
    return None if held is None else _rpc_room()(house, held, help_base)


def _rpc_room() -> type[RpcListener]:
    """The listener's class. Its libraries are an extra, and so imported here and not above."""
    try:
        from homegraph.rpc.listener import RpcListener  # noqa: PLC0415
    except ImportError as exc:
        raise SettingsError(
            f"gRPC needs libraries that are not installed ({exc.name})",
            place="grpc_listen",
            hint="Install them with `pip install 'homegraph[grpc]'`, or leave grpc_listen empty.",
        ) from exc
    return RpcListener


def _url(settings: Settings, listening: socket.socket) -> str:
    if settings.listen.path:
        return ""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _where(settings: Settings, listening: socket.socket) -> str:
    return str(settings.listen) if settings.listen.path else _url(settings, listening)


# --- the process -------------------------------------------------------------------------------------------------


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """The first signal asks to stop, the second stops at once: the database bears that at any moment."""

    def asked() -> None:
        if stop.is_set():
            os._exit(EXIT_INTERRUPTED)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _tune_memory() -> None:
    """What is loaded by now stays for good: the collector need not look at it again, nor look as often as by default.

    Measured on sync-mode calls: a collection every 700 allocations costs 6 % of the process's time and finds nothing, because
    calls leave no cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
