"""Workers: several processes that answer on one address, and the one that watches over them.

The watching process takes the addresses and forks; it serves nobody, runs no event loop and opens no database. Workers inherit
the listening socket: what waits in it is answered by whoever lives, and a port in use is noticed as ever (docs/decisions/0034).
The first worker starts alone. It brings the schema up to date and takes over what the file declares; when it cannot start, it says
why, once, and the server ends with its exit code.

A worker that dies is started again, after a pause that grows while workers die young. When none is left, the server ends: what
kills all of them at once is nothing that another start mends, and whoever supervises the server shall know.

Every worker has a leash, a pipe whose other end the watching process holds and never writes to. When it is let go of, on purpose or
because that process is gone, workers end in good order. So signals that reach all processes of a terminal or a
service (Ctrl-C, a terminal that closes, systemd) and are passed on besides do no harm. A worker that is still there long after the leash was let go of hangs, and
is killed: what it had under way is run again by whoever is next.

The rule that is easily broken: nothing may start a thread or an event loop in this process before it forks.
"""

from __future__ import annotations

import asyncio
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from homegraph.server.process import EXIT_INTERRUPTED, hangups
from homegraph.service.lines import Log

LIVES_LONG_SECONDS: Final = 60.0
"""A worker that dies later than this has not died of how it was started."""

PAUSE_FIRST_SECONDS: Final = 0.5
PAUSE_LONGEST_SECONDS: Final = 30.0
"""Before a worker is started again. It doubles with each one that dies young, so that a fault does not become a load."""

PATIENCE_SECONDS: Final = 20.0
"""After the grace, for a worker that ends: tokens on their way land within ten, and are stored."""

KILLED_BASE: Final = 128
"""What shells add to the number of the signal that killed a process."""

_READY: Final = b"r"
_WATCHED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def pause_after(young_deaths: int) -> float:
    """How long to wait before the next start, after so many workers in a row that died young."""
    if young_deaths == 0:
        return 0.0
    doublings = min(young_deaths - 1, 16)
    return float(min(PAUSE_FIRST_SECONDS * 2**doublings, PAUSE_LONGEST_SECONDS))


@dataclass(frozen=True, slots=True)
class Leash:
    """A worker's end: when to stop, and whom to tell that it answers."""

    held: int
    ready: int

    @contextmanager
    def stops(self, stop: asyncio.Event) -> Iterator[None]:
        """Set ``stop`` when the leash is let go of, or on SIGTERM to this process alone."""
        loop = asyncio.get_running_loop()

        def let_go() -> None:
            loop.remove_reader(self.held)
            stop.set()

        loop.add_reader(self.held, let_go)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_reader(self.held)

    def tell_ready(self) -> None:
        """Calls are answered from now on."""
        with suppress(BrokenPipeError):
            os.write(self.ready, _READY)
        os.close(self.ready)


@dataclass(slots=True)
class Worker:
    """A process, and the pipe by which it tells that it is ready (-1 once that is known)."""

    process: int
    pipe: int
    started_at: float
    is_ready: bool = False


@dataclass(slots=True)
class Watch:
    """The watching process. ``greet`` is called when all answer, ``take_leave`` when a signal asks to stop.

    A worker has ``patience_seconds`` to end in good order.
    """

    count: int
    greet: Callable[[], None]
    take_leave: Callable[[], None]
    log: Log
    patience_seconds: float
    workers: list[Worker] = field(default_factory=list)
    young_deaths: int = 0
    start_at: float = 0.0
    kill_at: float = math.inf
    code: int = 0
    has_greeted: bool = False
    signals_seen: int = 0
    held: int = -1
    let_go: int = -1

    def run(self, work: Callable[[Leash], None]) -> int:
        """Watch over workers until the server is to end; the exit code.

        In a worker it returns too, with 0 when ``work`` does; what that raises is raised.
        """
        self.held, self.let_go = os.pipe()
        with _signals() as heard:
            while True:
                if self._may_start():
                    read, write = os.pipe()
                    process = os.fork()
                    if process == 0:
                        os.close(read)
                        self._become_worker()
                        work(Leash(self.held, write))
                        return 0
                    os.close(write)
                    self.workers.append(Worker(process, read, time.monotonic()))
                    self.log.info("worker.started", process=process)
                    continue
                if not self.workers:
                    return self.code
                self._listen(heard)
                self._bury()
                self._lose_patience()

    # --- starting ----------------------------------------------------------------------------------------------------

    @property
    def _is_ending(self) -> bool:
        return self.let_go < 0

    def _may_start(self) -> bool:
        if self._is_ending or len(self.workers) >= self.count:
            return False
        if not self.has_greeted:  # the first one starts alone
            return all(worker.is_ready for worker in self.workers[:1])
        return time.monotonic() >= self.start_at

    def _become_worker(self) -> None:
        """Leave behind what is the watching process's, and be deaf to what a terminal tells all processes."""
        signal.set_wakeup_fd(-1)
        for number in _WATCHED:
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(self.let_go)  # or the leash would never be let go of
        for worker in self.workers:
            if worker.pipe >= 0:
                os.close(worker.pipe)

    # --- watching ----------------------------------------------------------------------------------------------------

    def _listen(self, heard: socket.socket) -> None:
        """Wait for a signal, for a worker that gets ready, or until the next start is due."""
        pipes = {worker.pipe: worker for worker in self.workers if worker.pipe >= 0}
        news = heard.fileno()
        lacking = self.has_greeted and len(self.workers) < self.count and not self._is_ending
        wake_at = self.start_at if lacking else self.kill_at
        seconds = None if wake_at == math.inf else max(0.0, wake_at - time.monotonic())
        found, _, _ = select.select([news, *pipes], [], [], seconds)
        for one in found:
            if one == news:
                for number in heard.recv(64):
                    self._hear(number)
            else:
                worker = pipes[one]
                worker.is_ready = os.read(worker.pipe, 1) == _READY
                os.close(worker.pipe)
                worker.pipe = -1
        if not self.has_greeted and sum(worker.is_ready for worker in self.workers) == self.count:
            self.has_greeted = True
            self.greet()

    def _hear(self, number: int) -> None:
        if number == signal.SIGCHLD:
            return
        if not self._is_ending:
            self.take_leave()
        self.end()
        if number in hangups():  # which may come twice, and is no impatience
            return
        self.signals_seen += 1
        if self.signals_seen > 1:  # whoever asks twice does not want to wait; the database bears it
            self.code = EXIT_INTERRUPTED
            for worker in self.workers:
                os.kill(worker.process, signal.SIGKILL)

    def end(self) -> None:
        """Have all workers end in good order, and start none any more. Again is no error."""
        if self.let_go >= 0:
            os.close(self.let_go)
            self.let_go = -1
            self.kill_at = time.monotonic() + self.patience_seconds

    def _lose_patience(self) -> None:
        """Kill who hangs, once."""
        if time.monotonic() >= self.kill_at:
            self.kill_at = math.inf
            for worker in self.workers:
                self.log.warning("worker.killed", process=worker.process)
                os.kill(worker.process, signal.SIGKILL)

    def _bury(self) -> None:
        """Notice who has ended, and decide what follows."""
        for worker in tuple(self.workers):
            ended, status = os.waitpid(worker.process, os.WNOHANG)
            if ended == 0:
                continue
            self.workers.remove(worker)
            if worker.pipe >= 0:
                os.close(worker.pipe)
            code = os.waitstatus_to_exitcode(status)
            self._follow(worker, KILLED_BASE - code if code < 0 else code)

    def _follow(self, worker: Worker, code: int) -> None:
        if self._is_ending:
            self.code = self.code or code
            return
        now = time.monotonic()
        is_young = now - worker.started_at < LIVES_LONG_SECONDS
        self.young_deaths = self.young_deaths + 1 if is_young else 0
        if not self.has_greeted or not self.workers:
            # It could not start, or it was the last one.
            self.code = code or 1
            self.log.warning(
                "worker.ended", process=worker.process, code=code, left=len(self.workers)
            )
            self.end()
            return
        pause = pause_after(self.young_deaths)
        self.start_at = now + pause
        self.log.warning(
            "worker.ended", process=worker.process, code=code, started_again_in_seconds=pause
        )


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Where the numbers of signals arrive, so that one that comes between two looks is not missed."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    watched = (*_WATCHED, *hangups())
    before = {number: signal.signal(number, lambda *_: None) for number in watched}
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(-1)
        ours.close()
        theirs.close()
        for number, handler in before.items():
            signal.signal(number, handler)
