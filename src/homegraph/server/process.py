"""The process around a server: signals, the event loop, its words, and how memory is kept. For the command and for the demo."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO

from homegraph.errors import SettingsError
from homegraph.service.lines import STALL_MILLISECONDS, reader_of

EXIT_INTERRUPTED: Final = 130

FILES_MAX: Final = 65_536
"""Open files of a process, connections above all. Beyond what one process can serve at a time, and little memory for the kernel."""

FILES_MIN: Final = 64
"""With fewer there is hardly a connection: some 30 are the server's own. What fails then would be blamed on disk and network."""


@contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM, SIGINT and a terminal that closes ask to stop. The second one of the first two stops at once: the database bears it."""

    def asked() -> None:
        if stop.is_set():
            os._exit(EXIT_INTERRUPTED)
        stop.set()

    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: asked, signal.SIGINT: asked, **dict.fromkeys(hangups(), stop.set)}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def hangups() -> tuple[signal.Signals, ...]:
    """The signal of a terminal that closes, which may come twice; none where it is ignored, as ``nohup`` has it."""
    return () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)


def tell(stream: TextIO, text: str) -> None:
    """Say something to whoever has started the server. Where it cannot be written (a full disk), or is not read, the server serves all the same."""
    reader = reader_of(stream)
    if reader is not None and not reader.poll(STALL_MILLISECONDS):
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        if stream is not sys.stderr:  # there the log goes, and may find room again
            _lead_nowhere(stream)


def forget_unwritten() -> None:
    """At the very end: what the log could not write by now would be tried once more, and make the exit code 120."""
    try:
        sys.stderr.flush()
    except OSError:
        _lead_nowhere(sys.stderr)


def _lead_nowhere(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def tune_memory() -> None:
    """What is loaded by now stays for good: the collector need not look at it again, nor look as often as by default.

    Measured on sync-mode calls: a collection every 700 allocations costs 6 % of the process's time and finds nothing, because
    calls leave no cycles behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def allow_connections() -> None:
    """Take as many open files as the system lets this process take: the usual 1,024 are fewer than its connections may be.

    What is beyond is accepted and closed at once by the event loop, without a word.

    Raises:
        SettingsError: they are so few that there would be hardly a connection.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if most < FILES_MIN:
        raise SettingsError(
            f"a process may open {most} files only (ulimit -Hn), and a server needs {FILES_MIN}",
            hint="Raise the limit for the user or the service (ulimit -n, LimitNOFILE=).",
        )
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def loop_factory() -> Any:
    """What makes the event loop; None where uvloop is not to be had."""
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
