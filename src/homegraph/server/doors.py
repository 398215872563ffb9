"""The doors: sockets, uvicorn on one of them, gRPC on another, and their closing in good order.

``listen`` and ``answering`` know nothing of a Home Graph; the demo opens its device cloud with them, too.

The rule that is easily broken: a socket is taken before anything else is touched, so that a port in use changes nothing.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

import uvicorn
from starlette.types import ASGIApp

from homegraph.errors import SettingsError
from homegraph.service.house import House
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.server import Settings
from homegraph.web.api_v1 import MethodDoor
from homegraph.web.app import App
from homegraph.web.caller import CallerConnection, Doors
from homegraph.web.unread_body import deliver_unread

if TYPE_CHECKING:
    from homegraph.rpc.listener import RpcListener

CONNECTIONS_WAITING_MAX: Final = 2_048
KEEP_ALIVE_SECONDS: Final = 75
"""More than a proxy lets a connection rest (nginx: 60), or it sends a call into one that is being closed."""

ANSWERS_SECONDS: Final = 2
"""For writing the last answers after the grace, and for a neighbour to take a connection."""

_PYTHON_ADDS: Final = " (while attempting"
"""What Python writes after the system's words; the address stands before them already."""


# --- any application ---------------------------------------------------------------------------------------------


def listen(address: ListenAddress, place: str) -> socket.socket:
    """A socket that listens. Raises SettingsError, which names ``place``, when the address cannot be had."""
    try:
        return _listen_at_file(Path(address.path)) if address.path else _listen_at_port(address)
    except OSError as exc:
        why, _, _ = (exc.strerror or str(exc)).partition(_PYTHON_ADDS)
        raise SettingsError(
            f"cannot listen on {address}: {why}",
            place=place,
            hint=f"{_advice(address, exc.errno)}--{place.replace('_', '-')} takes another.",
        ) from exc


def _listen_at_port(address: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.create_server(
        (address.host, address.port), family=family, backlog=CONNECTIONS_WAITING_MAX
    )
    # Accepted connections inherit it. asyncio's own loop would leave it off here, and an answer waits 40 ms then.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _listen_at_file(path: Path) -> socket.socket:
    """Only a socket that nobody answers at is replaced: a mistyped path must not cost a file, nor another server its callers."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and _is_left_behind(path):
            path.unlink()
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(CONNECTIONS_WAITING_MAX)  # from now on it is seen to be taken
    except BaseException:
        listening.close()
        raise
    return listening


def _is_left_behind(path: Path) -> bool:
    """Whether a socket is that of a server that is gone. One that is merely busy keeps us waiting, and is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(ANSWERS_SECONDS)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _advice(address: ListenAddress, number: int | None) -> str:
    """What may be done about an address that cannot be had, by the system's number of the error."""
    if number == errno.EADDRINUSE and address.path:
        return "A server that runs answers there, or a file is there that is no socket; it was left alone. "
    if number == errno.EADDRINUSE:
        return "Another program has this port, or a server runs already: `homegraph status` tells. "
    if number == errno.EACCES:
        return "The user who runs the server may not: ports below 1024 are often the system's. "
    return ""


class Door(uvicorn.Server):
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

    def close(self) -> None:
        """Accept nobody any more, and end once those who are in have their answer."""
        self.should_exit = True


@asynccontextmanager
async def answering(
    app: ASGIApp,
    listening: socket.socket,
    *,
    grace_seconds: int,
    posted: Mapping[bytes, MethodDoor] = MappingProxyType({}),
) -> AsyncIterator[Door]:
    """``app`` answers on the socket until the context ends; callers have the grace to get their answer then.

    Calls that come whole to the paths of ``posted`` are answered there.
    """
    door = Door(
        uvicorn.Config(
            app,
            http=_connection(posted),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=CONNECTIONS_WAITING_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=grace_seconds,
        )
    )
    serving = asyncio.create_task(door.serve(sockets=[listening]), name="door")
    ready = asyncio.create_task(door.ready.wait())
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    try:
        yield door
    finally:
        door.close()
        await serving


def _connection(posted: Mapping[bytes, MethodDoor]) -> type[asyncio.Protocol]:
    """What uvicorn makes for each connection."""
    return cast("type[asyncio.Protocol]", partial(CallerConnection, doors=Doors(posted)))


# --- the Home Graph ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(
    app: App, listening: socket.socket, rpc: RpcListener | None, house: House
) -> AsyncIterator[str]:
    """HTTP and gRPC, until the context ends; then callers who wait are answered within the grace. Gives gRPC's address.

    The loop stops claiming first, so that no new work starts while the door closes. Runs that outlast the grace are
    handed back, which answers their callers; the door waits a moment longer for those answers to be written.
    """
    grace = house.settings.grace_seconds
    told = int(grace) + ANSWERS_SECONDS
    async with answering(
        deliver_unread(app), listening, grace_seconds=told, posted=app.posted
    ) as door:
        try:
            yield await rpc.open() if rpc is not None else ""
        finally:
            house.loop.stop()
            door.close()
            drained = asyncio.create_task(house.runs.drain(grace))
            if rpc is not None:
                await rpc.close(drained, ANSWERS_SECONDS)
            await drained


@dataclass(frozen=True, slots=True)
class Addresses:
    """The sockets of a server. ``for_rpc`` only holds an address, for a listener that binds it itself; None without gRPC."""

    listening: socket.socket
    for_rpc: socket.socket | None


@contextmanager
def taken(settings: Settings, *, shared: bool = False) -> Iterator[Addresses]:
    """The addresses of a server, until the context ends. ``shared``: several processes will answer on them.

    Raises SettingsError when one cannot be had.
    """
    with (
        listen(settings.listen, "listen") as listening,
        _held_for_rpc(settings, shared=shared) as for_rpc,
    ):
        yield Addresses(listening, for_rpc)


@contextmanager
def _held_for_rpc(settings: Settings, *, shared: bool) -> Iterator[socket.socket | None]:
    """The address for gRPC, when there is one, held for its listener: that takes it as soon as there is something to serve."""
    address = settings.grpc_listen
    if address.is_nowhere:
        yield None
        return
    _rpc_room()
    if not shared:
        with listen(address, "grpc_listen") as held:
            yield held
        return
    if address.path:
        raise SettingsError(
            "several workers cannot share a Unix socket for gRPC",
            place="grpc_listen",
            hint="Give it a host and a port, or set workers to 1.",
        )
    with listen(address, "grpc_listen") as alone:  # nobody else may have it
        port = alone.getsockname()[1]
    with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((address.host, port))  # and does not listen: what listens gets calls
        yield held


def rpc_listener(house: House, held: socket.socket | None, help_base: str) -> RpcListener | None:
    """What listens for gRPC calls on a socket that was held; None without one."""
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


def url_of(settings: Settings, listening: socket.socket) -> str:
    """Where callers reach the socket, without a slash at the end; empty for a Unix socket."""
    if settings.listen.path:
        return ""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
