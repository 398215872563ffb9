"""``homegraph db``: take care of the database itself, without a server or beside one.

These are the only commands that open a database. Which one is decided as for ``homegraph serve``, from the same flags, variables and
file. What is done to a file is ``store.sqlite.care``'s, to a database of PostgreSQL ``store.postgres.care``'s; that one is copied and checked
by tools of its own.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Protocol

import msgspec
import typer

from homegraph.cli import output
from homegraph.cli.failure import FAILED
from homegraph.cli.options import Json, Yes, agreed, command, commands
from homegraph.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from homegraph.settings.server import Settings
    from homegraph.store.migrate import Applied, Migration

    class Condition(Protocol):
        """What a database is, wherever it lies."""

        @property
        def applied(self) -> tuple[Applied, ...]: ...
        @property
        def pending(self) -> tuple[Migration, ...]: ...


app = commands("Take care of the database: its schema, copies of it, whether it is sound.")

MIB: Final = 2**20

Config = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The server's settings; without it ./homegraph.toml."),
]
Db = Annotated[str | None, typer.Option(metavar="URL", help="The database, as for serve.")]
Folder = Annotated[
    str | None, typer.Option("--data-dir", metavar="DIR", help="The server's data folder.")
]


@command(app, "status", "homegraph db status", "homegraph db status --json")
def status(
    config: Config = None, db: Db = None, data_dir: Folder = None, json: Json = False
) -> int:
    """Show where the database is, how large, and which migrations it has and lacks.

    A server may run meanwhile.
    """
    from homegraph.settings.addresses import is_postgres

    settings = _settings(config, db, data_dir)
    if is_postgres(settings.database):
        found, sizes = _condition_of_postgres(settings.database)
    else:
        found, sizes = _condition_of_file(_file(settings))
    if json:
        output.document(
            msgspec.json.encode(
                {
                    "database": settings.database_text,
                    **sizes,
                    "applied": [one.label for one in found.applied],
                    "pending": [one.label for one in found.pending],
                }
            )
        )
        return 0
    output.facts(
        [
            ("database", settings.database_text),
            *(
                (name.removesuffix("_bytes"), f"{size / MIB:.1f} MiB")
                for name, size in sizes.items()
            ),
            ("applied", str(len(found.applied))),
            ("newest", found.applied[-1].label if found.applied else ""),
            ("pending", ", ".join(one.label for one in found.pending) or "none"),
        ]
    )
    return 0


@command(app, "migrate", "homegraph db migrate --dry-run", "homegraph db migrate")
def migrate(
    config: Config = None,
    db: Db = None,
    data_dir: Folder = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> int:
    """Bring the schema up to date.

    A server does so by itself when it opens a file; this is for looking first, and for doing it at a time of one's own. No
    server may have the file open. On PostgreSQL servers apply what only adds (pre) when they start, and may run meanwhile; what
    removes (post) is left to this command, which refuses as long as a server of another version is alive.
    """
    from homegraph.settings.addresses import is_postgres

    settings = _settings(config, db, data_dir)
    if is_postgres(settings.database):
        pending = _migrate_postgres(settings.database, dry_run=dry_run)
    else:
        pending = _migrate_file(_file(settings), dry_run=dry_run)
    labels = [one.label for one in pending]
    if json:
        output.document(msgspec.json.encode({"dry_run": dry_run, "migrations": labels}))
    elif not labels:
        output.note("The schema is up to date.")
    else:
        output.data("\n".join(labels))
        output.note("Nothing was done." if dry_run else f"{len(labels)} applied.")
    return 0


@command(app, "backup", "homegraph db backup home-2027-01-31.db")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    config: Config = None,
    db: Db = None,
    data_dir: Folder = None,
    json: Json = False,
) -> int:
    """Copy the database as it is now into one file, and check the copy. A server may run meanwhile.

    The file can be read by its owner only. The encryption key is not in it, on purpose: keep a copy of the key file of the data
    folder at another place, because without it the stored tokens cannot be used.
    """
    from homegraph.store.sqlite import care

    path = _file(_settings(config, db, data_dir))
    care.backup(path, file, _told)
    size = file.stat().st_size
    if json:
        output.document(msgspec.json.encode({"backup": str(file), "size_bytes": size}))
        return 0
    output.data(f"{file}: {size / MIB:.1f} MiB, checked")
    output.note("The encryption key is not in it: keep encryption.key of the data folder, too.")
    return 0


@command(app, "restore", "homegraph db restore home-2027-01-31.db --yes")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that backup has made.")],
    config: Config = None,
    db: Db = None,
    data_dir: Folder = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Put a copy in the place of the database. What was there is kept beside it. No server may run.

    An older copy is brought up to date by the next start. What happened since it was made (links, refreshed tokens, states) is not
    in it.
    """
    from homegraph.store.sqlite import care

    settings = _settings(config, db, data_dir)
    path = _file(settings)
    if care.is_there(path) and not agreed(f"Replace {path} by {file}?", yes=yes):
        return FAILED
    kept = care.restore(path, file, _told, folder=settings.data_dir)
    if json:
        shown = None if kept is None else str(kept)
        output.document(msgspec.json.encode({"database": f"sqlite:{path}", "replaced": shown}))
        return 0
    output.data(f"sqlite:{path} is {file} now")
    if kept is not None:
        output.note(f"What was there is kept as {kept}.")
    return 0


@command(app, "check", "homegraph db check", "homegraph db check --db sqlite:./home-2027-01-31.db")
def check(config: Config = None, db: Db = None, data_dir: Folder = None, json: Json = False) -> int:
    """Read the whole database and say what is wrong with it. Exit code 1 when something is. A server may run meanwhile."""
    from homegraph.store.sqlite import care

    path = _file(_settings(config, db, data_dir))
    problems = care.check(path)
    if json:
        output.document(msgspec.json.encode({"database": f"sqlite:{path}", "problems": problems}))
    elif problems:
        output.data("\n".join(map(output.visible, problems)))
        output.note("Restore a copy: `homegraph db restore FILE`.")
    else:
        output.data(f"sqlite:{path} is sound")
    return FAILED if problems else 0


@command(app, "accept-key", "homegraph db accept-key --yes")
def accept_key(
    config: Config = None,
    db: Db = None,
    data_dir: Folder = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Take the encryption key of the data folder (or HOMEGRAPH_ENCRYPTION_KEY) for the database's, after the old one was lost.

    A server does not start with another key than the database was written with. After this it does, and what was sealed with the old
    key stays closed: the tokens of links, so their accounts must be linked again. What homegraph.toml declares is taken from there at the
    next start: client secrets, and the tokens of its links. Without a key one is made. No server may run.
    """
    from homegraph.settings.addresses import is_postgres
    from homegraph.store.sqlite import care

    settings = _settings(config, db, data_dir)
    if not is_postgres(settings.database):
        care.condition(_file(settings))  # which must be there
    question = f"Give up every token that {settings.database_text} holds under another key?"
    if not agreed(question, yes=yes):
        return FAILED
    key = asyncio.run(_accept_key(settings))
    if json:
        output.document(msgspec.json.encode({"database": settings.database_text, "key": key}))
        return 0
    output.data(f"{settings.database_text} has the key {key} now")
    output.note("Accounts that were linked under another key must be linked again.")
    return 0


async def _accept_key(settings: Settings) -> str:
    from homegraph.server.house import open_store
    from homegraph.service.clock import SystemClock, SystemIds
    from homegraph.service.sealing import accept_key
    from homegraph.service.upkeep import SILENT_SECONDS_MAX

    clock = SystemClock()
    store = await open_store(settings, SystemIds(clock), clock)
    try:
        alive = await store.instances(clock.now() - SILENT_SECONDS_MAX)
        if alive:
            raise StoreError(
                f"The server at {alive[0].address} uses the database.",
                hint="Stop all servers first; `homegraph status --cluster` lists who is alive.",
            )
        return await accept_key(settings, store, clock.now())
    finally:
        await store.close()


def _settings(config: str | None, db: str | None, data_dir: str | None) -> Settings:
    """The settings of a server with these flags."""
    from homegraph.settings.loading import load

    flags = {"database": db, "data_dir": data_dir}
    return load(flags, os.environ, Path(config) if config else None, Path.cwd())


def _file(settings: Settings) -> Path:
    """The file that the server would open. Raises SettingsError when it would be none."""
    from homegraph.settings.addresses import is_postgres
    from homegraph.store.sqlite.opening import locate

    if is_postgres(settings.database):
        raise SettingsError(
            "PostgreSQL has tools of its own for this: this command takes care of SQLite files.",
            place="database",
            hint="Copy with pg_dump while servers run, go back with pg_restore while none does, check with pg_amcheck.",
        )
    path = locate(settings.database_path)
    if path is None:
        raise SettingsError(
            "A database in memory is gone with its server.",
            place="database",
            hint="Name a file with --db.",
        )
    return path


def _condition_of_file(path: Path) -> tuple[Condition, dict[str, int]]:
    from homegraph.store.sqlite import care

    found = care.condition(path)
    return found, {"size_bytes": found.size_bytes, "log_bytes": found.log_bytes}


def _condition_of_postgres(url: str) -> tuple[Condition, dict[str, int]]:
    found = asyncio.run(_postgres_care().condition(url))
    return found, {"size_bytes": found.size_bytes}


def _migrate_file(path: Path, *, dry_run: bool) -> Sequence[Migration]:
    from homegraph.service.clock import SystemClock
    from homegraph.store.sqlite import care

    return care.condition(path).pending if dry_run else care.migrate(path, SystemClock().now())


def _migrate_postgres(url: str, *, dry_run: bool) -> Sequence[Migration]:
    from homegraph.service.clock import SystemClock
    from homegraph.service.upkeep import SILENT_SECONDS_MAX

    now = SystemClock().now()
    care = _postgres_care()
    return asyncio.run(care.migrate(url, now, silent_seconds=SILENT_SECONDS_MAX, dry_run=dry_run))


def _postgres_care() -> ModuleType:
    """What takes care of PostgreSQL. Raises SettingsError when its driver is not installed."""
    try:
        from homegraph.store.postgres import care
    except ModuleNotFoundError as exc:
        from homegraph.store.refusals import no_driver

        raise no_driver() from exc
    return care


def _told(done: int, pages: int) -> None:
    """How far a copy is."""
    output.progress("" if done == pages else f"{done / max(pages, 1):4.0%}")
