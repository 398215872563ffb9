"""What homegraph.toml says about projects: ``[projects.ID]`` with its keys, its OAuth client and its adopted links.

This is what was asked for, with secrets still in the clear behind ``Secret``; what is kept is ``graph.model.Project`` and
its neighbours, with hashes and sealed tokens. Making one from the other is a use-case, not the file's business.

Some rules need more than one key, and are here too: an API key names one project, so it may stand only once in a
file; a user has one link per project; a refresh token needs an address to be sent to.
"""

# ruff: noqa: RUF009 - the calls in class bodies make fields, once, as dataclasses.field does

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homegraph.settings.addresses import Url
from homegraph.settings.file import NOTHING, ConfigFile, Reader, dotted
from homegraph.settings.kinds import (
    ONE_LINE,
    Choice,
    FilePath,
    Moment,
    Network,
    Seconds,
    SecretText,
    Switch,
    Text,
)
from homegraph.settings.places import KeyPath
from homegraph.settings.rows import ListOf, TableOf, optional, required, row
from homegraph.settings.secret import Secret

API_METHODS: Final = (
    "devices.requestSync",
    "devices.reportStateAndNotification",
    "devices.query",
    "devices.sync",
    "agentUsers.delete",
)
"""The methods of the HomeGraph API by the names of its discovery document."""

NUMBER_DIGITS: Final = 12
"""Google's project numbers have ten to thirteen digits; this many are told apart well enough."""

EXPIRES_IN_MAX: Final = 10 * 366 * 86400
"""Seconds; whoever hands out longer tokens can leave expires_in out."""

PROJECT_ID: Final = Text(
    words="a project id: letters, digits, dots, hyphens and underscores, at most 63, a letter or digit first",
    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}",
)
_PROJECT_NUMBER: Final = Text(
    words='a decimal number as text, such as "123456789012"', pattern="[1-9][0-9]{0,18}"
)
_USER: Final = Text(words="text of 1 to 256 characters")
_ID: Final = Text(words="text of at most 256 characters", pattern=f"{ONE_LINE}{{0,256}}")
_SCOPE: Final = Text(words="text without spaces, quotes and backslashes", pattern=r"[!#-\[\]-~]+")
# What goes into a header or a query must be ASCII; what goes into a form need not.
_API_KEY: Final = SecretText("1 to 256 ASCII characters without spaces", "[!-~]{1,256}")
_TOKEN: Final = SecretText("ASCII text without spaces", "[!-~]{1,8192}")


@dataclass(frozen=True, slots=True)
class KeySettings:
    """An API key. Empty ``methods`` and ``addresses`` mean no restriction; ``expires`` is in seconds since 1970."""

    key: Secret = required(_API_KEY, "The key itself.")
    expires: float | None = optional(
        Moment(), "When the key stops working. Without it, it does not."
    )
    methods: tuple[str, ...] = row(
        ListOf(Choice(API_METHODS)), (), "The methods it is good for. Empty means all."
    )
    addresses: tuple[str, ...] = row(
        ListOf(Network()), (), "The networks it may be used from. Empty means everywhere."
    )


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """How this Home Graph is known to the project's OAuth server."""

    client_id: str = row(_ID, "", "Our client id at the OAuth server.")
    client_secret: Secret = row(
        SecretText("text of one line"), Secret(), "Our client secret at the OAuth server."
    )
    authorization_url: str = row(Url(), "", "Where a user's browser is sent to grant access.")
    token_url: str = row(Url(), "", "Where grants and refresh tokens are exchanged for tokens.")
    scopes: tuple[str, ...] = row(ListOf(_SCOPE), (), "The scopes that are asked for.")
    client_auth: str = row(
        Choice(("body", "basic")),
        "body",
        "How client id and secret are sent to token_url: in the form, or as HTTP basic authentication.",
    )
    flow: str = row(
        Choice(("code", "implicit")),
        "code",
        "What the login page gives: a code to be exchanged at token_url, or, in integrations of old, an access token that does not end.",
    )
    pkce: bool = row(Switch(), False, "Whether a PKCE pair is sent when an account is linked.")
    redirect_uri: str = row(
        Url(),
        "",
        "Where the OAuth server sends the browser back to. Without it: base_url, then `/r/` and the project id. "
        "Set it for integrations that accept only an address they know.",
    )


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """A grant that somebody holds already, to be adopted. ``expires_in`` is in seconds from the adoption."""

    user: str = required(_USER, "The user here whose link it is; any name.")
    access_token: Secret = required(_TOKEN, "The access token that intents are sent with.")
    refresh_token: Secret = row(
        _TOKEN,
        Secret(),
        "The refresh token. Without it the link breaks when the access token ends.",
    )
    expires_in: float | None = optional(
        Seconds(1, EXPIRES_IN_MAX),
        "How long the access token is good from now on. Without it, until the fulfillment answers 401.",
    )


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """One Cloud-to-cloud integration. ``number`` is derived from the id where none is given."""

    id: str
    fulfillment_url: str = required(
        Url(),
        "The exact address that intents are sent to: https, unless it is on this machine or in outbound_networks. Redirects are "
        "not followed.",
    )
    number: str = row(
        _PROJECT_NUMBER,
        "",
        "The project number that Google's messages print.",
        default_text="twelve digits derived from the project id",
    )
    api_enabled: bool = row(
        Switch(), True, "`false` answers as Google does while the HomeGraph API is not enabled."
    )
    suspended: bool = row(Switch(), False, "`true` answers as Google does for a suspended project.")
    empty_sync: str = row(
        Choice(("keep", "unlink")),
        "keep",
        "What an empty device list in a SYNC reply means: nothing, loudly, or that the account is unlinked.",
    )
    sync_mode: str = row(
        Choice(("google", "quarantine")),
        "google",
        "What a device in a SYNC reply means that Google would refuse: the whole reply is refused, or only that device is held back.",
    )
    shrink_guard: bool = row(
        Switch(),
        True,
        "Whether a SYNC reply that removes all devices, or more than half of ten or more, is held until `homegraph runs accept` lets it through.",
    )
    first_sync_failure: str = row(
        Choice(("fail", "keep")),
        "fail",
        "What a failing first SYNC makes of an account that a user has just linked: the linking fails, or the link is kept "
        "and its first SYNC repeated. A grant of the file is always kept.",
    )
    unknown_types: str = row(
        Choice(("allow", "refuse")),
        "allow",
        "What a device type means that the catalog does not know: advice, as Google's list may be newer, or a device that is refused.",
    )
    unknown_traits: str = row(Choice(("allow", "refuse")), "allow", "The same for a trait.")
    execute_updates_states: bool = row(
        Switch(),
        False,
        "Whether the states in an answer to EXECUTE are stored. At Google they are not: the fulfillment must report them.",
    )
    catalog: Path | None = optional(
        FilePath("the path of a JSON file"),
        "A file with traits, states and types that are not in the catalog yet, in the catalog's own format.",
    )
    ca_file: Path | None = optional(
        FilePath("the path of a PEM file"),
        "A file with certificates of authorities that this project's fulfillment and token endpoint may have theirs from, besides the "
        "system's. It is read at start.",
    )
    api_keys: tuple[KeySettings, ...] = row(
        ListOf(TableOf(KeySettings, shorthand="key")),
        (),
        "The API keys that name this project: texts, or tables with the keys below.",
    )
    service_accounts: tuple[Path, ...] = row(
        ListOf(FilePath("the path of a key file")),
        (),
        "Key files of service accounts that may call for this project; only their public half is stored.",
    )
    oauth: OAuthSettings = row(
        TableOf(OAuthSettings), OAuthSettings(), "The OAuth client; a table with the keys below."
    )
    links: tuple[LinkSettings, ...] = row(
        ListOf(TableOf(LinkSettings)),
        (),
        "Grants to adopt: tables with the keys below. The first SYNC of each runs at start and is repeated until it works.",
    )

    def __post_init__(self) -> None:
        if not self.number:
            object.__setattr__(self, "number", derived_number(self.id))

    def warnings(self) -> Iterator[str]:
        """What is allowed, and hardly meant."""
        if not self.oauth.token_url and any(link.refresh_token for link in self.links):
            yield f"projects.{self.id}: a refresh token cannot be used without oauth.token_url"


def derived_number(project_id: str) -> str:
    """A project number that is always the same for an id: twelve digits, the first not 0."""
    digest = hashlib.blake2b(project_id.encode(), digest_size=8).digest()
    least = 10 ** (NUMBER_DIGITS - 1)
    return str(least + int.from_bytes(digest, "big") % (9 * least))


def read_projects(file: ConfigFile, reader: Reader) -> tuple[ProjectSettings, ...]:
    """The projects of a file, in its order. What is wrong is noted in the reader's problems."""
    raw = file.data.get("projects", {})
    if not isinstance(raw, Mapping):
        reader.problem(("projects",), "expected tables such as [projects.acme]")
        return ()
    projects: list[ProjectSettings] = []
    for project_id, table in raw.items():
        path: KeyPath = ("projects", project_id)
        if reader.value(PROJECT_ID, project_id, path) is NOTHING:
            continue
        project = reader.table(ProjectSettings, table, path, id=project_id)
        if project is not NOTHING:
            projects.append(project)
            _check_links(project, reader)
    _check_keys(projects, reader)
    return tuple(projects)


def _check_keys(projects: list[ProjectSettings], reader: Reader) -> None:
    """A key that stands twice would name two projects, or one with and without a restriction."""
    first: dict[str, KeyPath] = {}
    for project in projects:
        for index, key in enumerate(project.api_keys):
            path: KeyPath = ("projects", project.id, "api_keys", index)
            before = first.setdefault(key.key.reveal(), path)
            if before is not path:
                reader.problem(path, f"the same key stands in {dotted(before)}")


def _check_links(project: ProjectSettings, reader: Reader) -> None:
    """A user has one link per project."""
    users: set[str] = set()
    for index, link in enumerate(project.links):
        if link.user in users:
            path: KeyPath = ("projects", project.id, "links", index, "user")
            reader.problem(path, "this user has a link in this project already")
        users.add(link.user)
