"""What the server was asked to do: every setting with its value, and where the value came from.

A setting is one row of ``Settings``: its key under ``[server]`` in homegraph.toml, its variable (``HOMEGRAPH_`` and the
name), its flag where it has one, its default, and its sentence in the reference. What follows from several of them together is a property.

``Settings`` are frozen and passed down; nobody asks the environment later. How they come together is ``loading``'s business, how a value
is read that of ``kinds`` and ``addresses``, and what is said about projects stands in ``projects``.
"""

# ruff: noqa: RUF009 - the calls in class bodies make fields, once, as dataclasses.field does

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import platformdirs

from homegraph.graph.destinations import Rules
from homegraph.settings.addresses import (
    MEMORY,
    BaseUrl,
    Database,
    HostName,
    Listen,
    ListenAddress,
    ListenOrNot,
    is_postgres,
    without_secrets,
)
from homegraph.settings.kinds import (
    Bytes,
    Choice,
    EncryptionKey,
    FilePath,
    Network,
    Seconds,
    Switch,
    Whole,
)
from homegraph.settings.outbound import outbound_rules
from homegraph.settings.projects import ProjectSettings
from homegraph.settings.rows import ListOf, Setting, row, rows_of
from homegraph.settings.secret import Secret
from homegraph.wire.lenient_json import BODY_BYTES_MAX

DEFAULT_PORT: Final = 4663  # HOME on a phone's keypad
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

KIB: Final = 2**10
MIB: Final = 2**20


def default_data_dir() -> Path:
    """The platform's folder for a user's data."""
    return platformdirs.user_data_path("homegraph", appauthor=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server. Sizes are in bytes, times in seconds.

    ``sources`` tells for each setting where its value came from: "flag --listen", "HOMEGRAPH_LISTEN", "homegraph.toml:3",
    "PORT" or "default". ``warnings`` are sentences about what is allowed and hardly meant. ``config`` is the file.
    """

    listen: ListenAddress = row(
        Listen(),
        ListenAddress("127.0.0.1", DEFAULT_PORT),
        "Where the server accepts connections. Port 0 takes any free port.",
        flag="--listen",
    )
    grpc_listen: ListenAddress = row(
        ListenOrNot(),
        ListenAddress(),
        "Where the server accepts gRPC, besides; needs the extra `grpc`. Empty: nowhere. Port 0 takes any free port.",
        flag="--grpc-listen",
    )
    database: str = row(
        Database(),
        "sqlite:home.db",
        "Where everything is kept. A bare name is a file in data_dir, anything with a slash is a path, and "
        "`sqlite::memory:` forgets everything at the end. `postgresql://USER:PASSWORD@HOST:PORT/NAME` is a PostgreSQL database, "
        "which many servers may share; it needs the extra `postgres`.",
        flag="--db",
    )
    workers: int = row(
        Whole(1, 64, "processes"),
        1,
        "How many processes answer calls and execute runs, on PostgreSQL only: one process owns an SQLite file. What is bounded for a "
        "process, such as concurrency and quota_per_minute, is so for each of them.",
        flag="--workers",
    )
    database_connections: int = row(
        Whole(2, 256, "connections"),
        16,
        "How many connections to PostgreSQL a process asks for at most, as it needs them. Where fewer are granted, calls wait for each other. "
        "All processes together should ask for no more than `max_connections` leaves them.",
    )
    data_dir: Path = row(
        FilePath(),
        default_data_dir,
        "The folder of the database, the encryption key and the admin token.",
        flag="--data-dir",
        default_text="the platform's folder for user data, such as `~/.local/share/homegraph`",
    )
    encryption_key: Secret = row(
        EncryptionKey(),
        Secret(),
        "The key that stored tokens are sealed with. Without it, a key file is made in data_dir. All servers of a database need the same one.",
    )
    base_url: str = row(
        BaseUrl(),
        "",
        "What links in answers start with, for a server behind a proxy. Empty: made from listen. "
        "(HOMEGRAPH_BASE_URL is taken: it tells clients where to call.)",
        variable="HOMEGRAPH_PUBLIC_URL",
    )
    allowed_hosts: tuple[str, ...] = row(
        ListOf(HostName()),
        (),
        "Host names the admin API and the page that links accounts answer to, besides the loopback names and the hosts of listen and "
        "base_url. Other names are refused, because a strange web page could bring them here.",
    )
    link_page: str = row(
        Choice(("local", "open", "off")),
        "local",
        "Who is shown the page `/link/PROJECT`, which links an account and asks for no token: everybody, as long as listen is a loopback "
        "address; everybody in any case, for a server behind a proxy that asks who is there; nobody.",
    )
    explain: bool = row(
        Switch(),
        True,
        "Whether errors of the API carry our explanation in their details. `false`: Google's bytes alone.",
    )
    json_404: bool = row(
        Switch(),
        True,
        "Whether unknown paths and methods under `/v1/` are answered with JSON. `false`: with HTML, as Google does.",
    )
    lenient_form: bool = row(
        Switch(),
        False,
        "Whether JSON is accepted under the content type of a form, which Google refuses.",
    )
    accept_api_keys: bool = row(
        Switch(),
        True,
        "Whether Request Sync may be called with an API key. `false`: only with an access token.",
    )
    quota_per_minute: int = row(
        Whole(0, 1_000_000_000, "calls"),
        6_000,
        "How many calls a project may make within a minute, as at Google. The Request Sync that waits for its outcome is "
        "not counted. 0: any number.",
    )
    unknown_async: str = row(
        Choice(("refuse", "accept")),
        "refuse",
        "What an asynchronous Request Sync for an unknown agent user is answered with: 404, or success. "
        "What Google does is not known.",
    )
    settle_seconds: float = row(
        Seconds(0, 3600),
        0.0,
        "For how long after the first SYNC of a link reports are refused. At Google it may be half a minute.",
    )
    body_max_bytes: int = row(Bytes(KIB, BODY_BYTES_MAX), MIB, "The largest body of a call.")
    sync_timeout_seconds: float = row(
        Seconds(1, 600), 30.0, "How long a fulfillment may take to answer SYNC."
    )
    query_timeout_seconds: float = row(
        Seconds(1, 60),
        5.0,
        "How long it may take to answer QUERY. Google gives up after about five seconds.",
    )
    execute_timeout_seconds: float = row(
        Seconds(1, 60),
        5.0,
        "How long it may take to answer EXECUTE. Google gives up after three to five seconds.",
    )
    reply_max_bytes: int = row(
        Bytes(KIB, 256 * MIB),
        8 * MIB,
        "The largest reply of a fulfillment, before and after decompression.",
    )
    concurrency: int = row(
        Whole(1, 1024, "runs"),
        64,
        "How many runs are under way at once. A quarter of them is kept for projects that have none.",
    )
    project_concurrency: int = row(
        Whole(1, 1024, "runs"), 16, "How many of them may be of one project."
    )
    project_exchanges: int = row(
        Whole(1, 4096, "calls"),
        128,
        "How many calls to the fulfillment and token endpoint of one project are under way at once, whatever they are for; "
        "further ones wait.",
    )
    outbound_loopback: bool = row(
        Switch(),
        True,
        "Whether fulfillments and token endpoints may be on this machine, as 127.0.0.1, [::1] or localhost. Turn it off where "
        "not everybody who sets up a project may reach what else runs here.",
    )
    outbound_networks: tuple[str, ...] = row(
        ListOf(Network()),
        (),
        "Networks in which fulfillments and token endpoints may be, whatever their name, by http as well, such as "
        '`["192.168.1.0/24"]`. Without it only the internet is called, by https, and this machine.',
    )
    retry_attempts_max: int = row(
        Whole(1, 1000, "attempts"), 12, "After how many attempts a failing run is given up."
    )
    retry_first_seconds: float = row(
        Seconds(0.01, 3600, fractions=True),
        1.0,
        "How long to wait before the second attempt. Each further one waits twice as long as the one before.",
    )
    retry_longest_seconds: float = row(
        Seconds(0.01, 86400, fractions=True), 300.0, "The longest wait between two attempts."
    )
    lease_seconds: float = row(
        Seconds(3, 600),
        30.0,
        "How long a worker may be silent before its run is given to another.",
    )
    grace_seconds: float = row(
        Seconds(0, 600),
        20.0,
        "How long runs may go on after SIGTERM before they are handed back.",
    )
    runs_kept: int = row(
        Whole(1, 10_000_000, "runs"),
        10_000,
        "How many past runs are kept, and as many EXECUTEs and live QUERYs.",
    )
    exchanges_kept: int = row(
        Whole(0, 1_000_000, "exchanges"),
        2_000,
        "How many exchanges with fulfillments are kept with their bodies.",
    )
    notifications_kept: int = row(
        Whole(0, 1_000_000, "notifications"), 1_000, "How many notifications of devices are kept."
    )
    history_days: int = row(
        Whole(1, 3650, "days"),
        7,
        "For how many days runs, EXECUTEs and live QUERYs, exchanges and notifications are kept.",
    )
    journal_body_bytes: int = row(
        Bytes(0, MIB), 64 * KIB, "How much of each body an exchange keeps."
    )
    log_format: str = row(
        Choice(("auto", "text", "json")),
        "auto",
        "How log lines look. `auto`: text on a terminal, JSON elsewhere.",
        flag="--log-format",
    )
    log_level: str = row(
        Choice(("debug", "info", "warning", "error")),
        "info",
        "From which level on log lines are written.",
        flag="--log-level",
    )
    projects: tuple[ProjectSettings, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    config: Path | None = None

    @property
    def database_path(self) -> str:
        """The SQLite file, or ``:memory:``; of a PostgreSQL database the URL, password and all."""
        if is_postgres(self.database):
            return self.database
        place = self.database.removeprefix("sqlite:")
        return place if place == MEMORY or "/" in place else str(self.data_dir / place)

    @property
    def database_text(self) -> str:
        """The database for people: where it is, or that it is nowhere."""
        path = self.database_path
        if is_postgres(path):
            return without_secrets(path)
        return "in memory" if path == MEMORY else f"sqlite:{path}"

    @property
    def outbound_rules(self) -> Rules:
        """Where calls may go."""
        return outbound_rules(loopback=self.outbound_loopback, networks=self.outbound_networks)

    @property
    def hosts(self) -> frozenset[str]:
        """Every host name (lower case, no port) that the admin API and the page that links accounts answer to."""
        own = {self.listen.host.lower()} if not self.listen.is_everywhere else set()
        public = urlsplit(self.base_url).hostname or ""
        return (LOOPBACK_NAMES | own | {public, *self.allowed_hosts}) - {""}

    @property
    def has_link_page(self) -> bool:
        """Whether the page that links accounts is shown."""
        if self.link_page == "local":
            return self.listen.host.lower() in LOOPBACK_NAMES
        return self.link_page == "open"

    def shown(self) -> tuple[tuple[str, str, str], ...]:
        """(name, value, source) of every setting as the file would say it, secrets masked."""
        return tuple(
            (each.name, each.kind.show(getattr(self, each.name)), self.sources.get(each.name, ""))
            for each in SETTINGS
        )


SETTINGS: Final[tuple[Setting, ...]] = rows_of(Settings)
"""Every setting of the server, in the order of the reference."""
