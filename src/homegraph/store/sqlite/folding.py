"""Bringing the log into the database, beside the writing.

What is committed stands in the log, and has to be written to its places in the file from time to time: page by page, wherever they are,
and then waited for until the disk has them. SQLite does that in the commit that makes the log long, so that this one, and
everybody behind it, waits for thousands of pages. The larger a file, the farther apart they are. Here a thread does it on a
connection of its own, while the writer goes on.

But the log begins anew only when all of it is in the file and nobody has written meanwhile. So in the end the writer itself
does the rest, right after a commit: what was written while the thread folded for the last time, some hundred pages. SQLite waits for the
disk only there, in a fold that nobody wrote beside, and then for all that was folded since. Therefore the thread waits for the disk itself
after each of its folds, and there is little left for the writer to wait for.

The rule that is easily broken: nothing in here may fail a commit, which is durable by then. A fold that cannot be done is done
later; where none succeeds, SQLite's own bound (``wal_autocheckpoint``) makes whoever commits do it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final

import apsw

from homegraph.store.sqlite.database import Database

PAGES_BEFORE_FOLDING: Final = 4_000
"""Pages in the log, 16 MB. With fewer, a page that changes often is folded in more often; with more, readers look longer for a page."""

PASSES: Final = 3
"""Each has what was written during the one before it and while the disk was waited for, a quarter of it or less; the writer has what was written during the last."""


class Folding:
    """Folds the log in. ``committed`` is called by the writer's thread, the rest by the loop's."""

    def __init__(self, database: Database, flush: Callable[[], None]) -> None:
        """``flush`` waits until what was written to the file is on the disk. It may raise OSError."""
        self._database = database
        self._flush = flush
        self._wanted: SimpleQueue[bool] = SimpleQueue()  # for the thread; False ends it
        self._is_folding = False
        self._is_nearly_done = False
        self._written_before = 0  # pages, at the last fold
        self._thread = Thread(target=self._serve, name="homegraph-folding", daemon=True)
        self._thread.start()

    def committed(self, writer: Database) -> None:
        """Look at how much the writer has written, and begin or finish a fold when it is time."""
        with suppress(apsw.Error):
            written, _ = writer.connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)
            if self._is_nearly_done:
                # Also if the rest cannot be done now.
                self._is_nearly_done = self._is_folding = False
                self._written_before = written
                writer.connection.wal_checkpoint()
            elif not self._is_folding and written - self._written_before >= PAGES_BEFORE_FOLDING:
                self._is_folding = True
                self._wanted.put(True)

    def close(self) -> None:
        """End the thread and close the connection. Again is no error."""
        self._wanted.put(False)
        self._thread.join()

    def _serve(self) -> None:
        while self._wanted.get():
            for _ in range(PASSES):
                with suppress(apsw.Error, OSError):
                    self._database.connection.wal_checkpoint()
                    self._flush()
            self._is_nearly_done = True
        with suppress(apsw.Error):
            self._database.close()
