"""Taking care of a database file from outside: what it is, a copy of it, whether it is sound, and putting a copy in its place.

A copy can be made, and a check can be done, while a server has the file open: both read one snapshot, as any reader does, and
keep nobody from writing. Migrating and restoring need the file for themselves, and take its lock for as long as they last.

The rule that is easily broken: at every instant there is a whole database under its name, and under the name of a copy either
a whole copy or nothing. So everything is made beside its place, checked, and then put there by one rename.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import apsw

from homegraph.errors import NotFound, SettingsError, StoreError, StoreUnavailable
from homegraph.graph.model import Instant
from homegraph.store import whole_files
from homegraph.store.migrate import Applied, Migration, migrations, plan
from homegraph.store.packing import unpacked
from homegraph.store.sqlite.database import BUSY_TIMEOUT_MILLISECONDS, Database, translated
from homegraph.store.sqlite.opening import FileLock, bring_up_to_date

PAGES_PER_STEP: Final = 4_096
"""16 MB between two looks at how far a copy is."""

PROBLEMS_MAX: Final = 100
"""What is told of a broken file; it is restored from a copy, not mended by hand."""

BODIES_AT_ONCE: Final = 256
"""Of the journal, read before they are looked at: some MB with the usual settings."""

REPLACED_MAX: Final = 1_000
"""Files that were replaced and still lie there; who has so many wants to look at them."""

_OWNER_ONLY: Final = 0o600
_AS_ITS_USER: Final = "Run the command as a user who may use it: for the database that is the one who runs the server."
_ELSEWHERE: Final = "Free some of the disk, or name a file on another one."
_SOUND: Final = "ok"

Progress = Callable[[int, int], None]
"""Told of pages that are copied, and of all there are."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a file is. ``pending`` is empty for one that this version can use as it is."""

    path: Path
    size_bytes: int
    log_bytes: int
    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]


def condition(path: Path) -> Condition:
    """Look at a file. Raises NotFound, StoreError (not homegraph's), SchemaTooNew, StoreUnavailable."""
    with _reading(path) as db:
        applied, pending = _migrations(db)
        log = _log_of(path)
        return Condition(
            path=path,
            size_bytes=path.stat().st_size,
            log_bytes=log.stat().st_size if log.exists() else 0,
            applied=applied,
            pending=pending,
        )


def migrate(path: Path, now: Instant) -> tuple[Migration, ...]:
    """Apply what is pending; returns it. Raises as ``condition``, and DatabaseInUse."""
    pending = condition(path).pending
    with _owning(path), _translating(path), contextlib.closing(_open(path)) as db:
        bring_up_to_date(db, path, now)
    return pending


def check(path: Path) -> tuple[str, ...]:
    """What is wrong with a file: pages, indexes, what refers to nothing, rows that do not agree, bodies that cannot be unpacked.

    Returns sentences, at most PROBLEMS_MAX; none for a sound file. A file that is not up to date may have its rows elsewhere, so
    only the first two are looked at. Raises as ``condition``.
    """
    with _reading(path) as db:
        db.run("begin_read")
        problems = [str(text) for (text,) in db.rows("check_pages") if text != _SOUND]
        problems += [
            f"{table}: a row refers to nothing in {to}" for table, to in db.rows("check_references")
        ]
        if not _migrations(db)[1]:
            problems += [
                f"agent user {agent_user_id} of {project_id}: {what} do not add up"
                for project_id, agent_user_id, what in db.rows("check_totals", PROBLEMS_MAX)
            ]
            problems += [
                f"device {device_id} of agent user {agent_user_id} of {project_id}: there is no definition"
                for project_id, agent_user_id, device_id in db.rows(
                    "check_definitions", PROBLEMS_MAX
                )
            ]
            problems += islice(_damaged_bodies(db), PROBLEMS_MAX)
        return tuple(problems[:PROBLEMS_MAX])


def backup(path: Path, to: Path, progress: Progress | None = None) -> None:
    """Copy a file as it is at this moment to ``to``, which must not be there. What is committed meanwhile is not in it.

    Raises as ``condition``; SettingsError when ``to`` is there; StoreUnavailable when the copy cannot be written.
    """
    for name in (to, _log_of(to)):  # a log would be brought into the copy by whoever opens it
        if is_there(name):
            raise _there_already(name)
    with _reading(path), _beside(to) as copy:
        _copy(path, copy, progress)
        try:
            whole_files.name(copy, to)
        except FileExistsError as exc:
            raise _there_already(to) from exc


def restore(
    path: Path, copy: Path, progress: Progress | None = None, *, folder: Path | None = None
) -> Path | None:
    """Put a copy in the place of a file. Returns where what was there is kept now; None when there was nothing.

    ``folder`` is made where it is missing, as a server makes its data folder.

    Raises NotFound and StoreError for what is no sound database of homegraph; DatabaseInUse while a server has the file.
    """
    problems = check(copy)
    if problems:
        raise StoreError(
            f"{copy} is not sound: {problems[0]}.",
            hint="`homegraph db check` tells all of it. Take an older copy.",
        )
    if folder is not None:
        with _translating(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _owning(path), _beside(path) as fresh:
        _copy(copy, fresh, progress)
        kept = _put_aside(path)
        fresh.replace(path)
        whole_files.keep_names(path.parent)
    return kept


def is_there(path: Path) -> bool:
    """Whether anything has this name. Raises StoreUnavailable when that cannot be seen: the folder is another user's, the name is too long."""
    with _translating(path):
        return path.exists()


def _damaged_bodies(db: Database) -> Iterator[str]:
    behind = 0
    while rows := db.rows("list_packed", behind, BODIES_AT_ONCE):
        for number, project_id, owner_id, block in rows:
            behind = number
            try:
                unpacked(b"", block)
            except StoreUnavailable:
                yield f"{owner_id} of {project_id}: the body of an exchange is damaged"


def _migrations(db: Database) -> tuple[tuple[Applied, ...], tuple[Migration, ...]]:
    """What was applied, and what is pending."""
    applied = tuple(Applied(*row) for row in db.rows("list_migrations"))
    return applied, plan(migrations("sqlite"), applied)


# --- parts -----------------------------------------------------------------------------------------------------------


def _open(path: Path, flags: int = apsw.SQLITE_OPEN_READWRITE) -> Database:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_TIMEOUT_MILLISECONDS)
    return Database(connection)


@contextlib.contextmanager
def _translating(path: Path) -> Iterator[None]:
    """The library's errors as ours."""
    try:
        yield
    except apsw.NotADBError as exc:
        raise StoreError(f"{path} is no SQLite database.", hint="Name another file.") from exc
    except apsw.CorruptError as exc:
        raise StoreError(f"{path} is damaged: {exc}.", hint="Take another copy.") from exc
    except apsw.Error as exc:
        raise translated(exc) from exc
    except OSError as exc:
        hint = _AS_ITS_USER if isinstance(exc, PermissionError) else None
        raise StoreUnavailable(f"{path} cannot be used: {exc.strerror}.", hint=hint) from exc


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Database]:
    """A connection that only reads, to a file that is homegraph's."""
    with _translating(path):
        is_file = path.is_file()
    if not is_file:
        raise NotFound(
            f"There is no database at {path}.",
            hint="Name it with --db, or its folder with --data-dir. A bare name is a file of that folder: sqlite:./NAME is one of this folder.",
        )
    with _translating(path), contextlib.closing(_open(path, apsw.SQLITE_OPEN_READONLY)) as db:
        ((_, ours),) = db.rows("count_tables")
        if not ours:
            raise StoreError(
                f"{path} is an SQLite database, but not homegraph's.", hint="Name another file."
            )
        yield db


@contextlib.contextmanager
def _owning(path: Path) -> Iterator[None]:
    """Nobody else has the file meanwhile."""
    with _translating(path):
        lock = FileLock(path)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new file in the folder of ``path``, readable by its owner only, that is gone in the end if it still has that name."""
    made = path.with_name(f"{path.name}.part-{os.getpid()}")
    with _translating(made):
        try:
            os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY))
            yield made
        finally:
            for name in (made, *(Path(f"{made}{end}") for end in ("-wal", "-shm", "-journal"))):
                name.unlink(missing_ok=True)


def _copy(source: Path, to: Path, progress: Progress | None) -> None:
    """Copy one snapshot, and see that the copy is sound and on the disk."""
    with contextlib.closing(_open(source, apsw.SQLITE_OPEN_READONLY)) as read:
        read.run("begin_read")
        read.row("count_tables")  # from here on the snapshot stands still, whatever is written
        with contextlib.closing(_open(to)) as written:
            _copy_pages(read, written, progress)
            # A copy is one file: whoever carries it away must not need to know of a log.
            written.rows("keep_no_log")
            if (found := written.value("check_pages")) != _SOUND:
                raise StoreError(
                    f"The copy of {source} is not sound: {found}.", hint="Check the disks."
                )
    _sync(to)


def _there_already(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is there already.",
        hint="Name a file that is not there: copies are not written over.",
    )


def _copy_pages(read: Database, written: Database, progress: Progress | None) -> None:
    copying = written.connection.backup("main", read.connection, "main")
    try:
        while not copying.done:
            copying.step(PAGES_PER_STEP)
            if progress is not None:
                progress(copying.page_count - copying.remaining, copying.page_count)
    except apsw.FullError as exc:
        raise StoreUnavailable("There is no room for the copy.", hint=_ELSEWHERE) from exc
    finally:
        copying.close(force=True)  # else it says again that something went wrong, and no more what


def _log_of(path: Path) -> Path:
    """What SQLite calls the log of a file, and brings into whatever has the file's name."""
    return Path(f"{path}-wal")


def _put_aside(path: Path) -> Path | None:
    """Keep what is at the place of a file under another name, so that nothing of it gets into the next one; which, if anything was."""
    log, kept = _log_of(path), _free_name(path)
    was_there = path.exists()
    if was_there:
        _fold_log(path)
        _keep_as(path, kept)
    if not log.exists():
        return kept if was_there else None
    # Of a file that is broken, or gone: what is in it may still be of use to somebody.
    log.replace(_log_of(kept))
    return kept if was_there else _log_of(kept)


def _fold_log(path: Path) -> None:
    """Bring all of a database into its one file, so that it can be kept under another name. A broken one stays as it is.

    Raises StoreUnavailable when somebody reads it.
    """
    with (
        contextlib.suppress(apsw.NotADBError, apsw.CorruptError),
        contextlib.closing(_open(path)) as db,
    ):
        if db.value("fold_log"):
            raise StoreUnavailable(
                f"Somebody reads {path}.", hint="Wait until a backup or a shell has let go of it."
            )


def _free_name(path: Path) -> Path:
    for number in range(1, REPLACED_MAX + 1):
        name = path.with_name(f"{path.name}.replaced-{number}")
        if not (name.exists() or _log_of(name).exists()):
            return name
    raise SettingsError(
        f"{REPLACED_MAX} replaced files of {path.name} are kept.", hint="Remove some."
    )


def _keep_as(path: Path, kept: Path) -> None:
    """Give a file another name, too. Where a file has but one, a copy has the other; byte by byte, as it may be broken."""
    if not whole_files.link(path, kept):
        with _beside(kept) as copy:
            shutil.copyfile(path, copy)
            _sync(copy)
            whole_files.name(copy, kept)


def _sync(path: Path) -> None:
    """Have the disk keep what is in a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
