"""Kinds of addresses: where to listen, where the database is, where a fulfillment answers.

Apart from the other kinds because their rules are about other people's systems: what a socket takes, what a browser
or a fulfillment is sent, and above all what may not be repeated. An address can carry a password
(``postgresql://user:password@…``, ``https://user:password@…``) or a token in its query, so a wrong one is never shown
whole: of a database nothing but its scheme, of a URL nothing from the ``?`` on, and nothing at all with an ``@`` in it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from homegraph.settings.kinds import FilePath, Kind, Unfit, described

MEMORY: Final = ":memory:"
PORT_MAX: Final = 65535
_HOST_NAME: Final = r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


_POSTGRES: Final = re.compile(
    r"postgres(?:ql)?://(?:[^\s@/?#]*@)?(?P<place>[A-Za-z0-9_.,:\[\]-]*(?:/[^\s@/?#]*)?)(?:\?[^\s@#]*)?"
)
"""As libpq has it, but that "@" and "/" in a password or a parameter must be escaped: then nobody has to guess what is secret."""


def is_postgres(database: str) -> bool:
    """Whether this is the address of a PostgreSQL database."""
    return database.startswith(("postgresql://", "postgres://"))


def without_secrets(database: str) -> str:
    """The address of a database for people: of a URL the hosts and the name."""
    matched = _POSTGRES.fullmatch(database)
    return f"postgresql://{matched['place']}" if matched else database


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a server accepts connections: ``host`` and ``port`` (0: any free one), or the ``path`` of a Unix socket.

    Without host and path it is nowhere.
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_nowhere(self) -> bool:
        """Whether nothing is to be listened on."""
        return not (self.host or self.path)

    @property
    def is_everywhere(self) -> bool:
        """Whether every network of the machine reaches it."""
        return self.host in _WILDCARDS

    def __str__(self) -> str:
        if self.is_nowhere:
            return ""
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listen(Kind[ListenAddress]):
    """``HOST:PORT``, ``[IPV6]:PORT`` or ``unix:PATH``."""

    @property
    def expected(self) -> str:
        return "HOST:PORT, [IPV6]:PORT or unix:PATH"

    def read(self, value: object) -> ListenAddress:
        if not isinstance(value, str):
            raise Unfit
        if "@" in value:
            # A URL with a password that slipped into the wrong key; it must not be taken for a path.
            raise Unfit
        if value.startswith("unix:"):
            return ListenAddress(path=str(FilePath().read(value.removeprefix("unix:"))))
        host, _, port = value.rpartition(":")
        if not re.fullmatch("[0-9]{1,5}", port) or int(port) > PORT_MAX:
            raise Unfit
        if host.startswith("[") and host.endswith("]"):
            return ListenAddress(_ipv6(host[1:-1]), int(port))
        if not re.fullmatch(_HOST_NAME, host):
            raise Unfit
        return ListenAddress(host, int(port))

    def at(self, value: ListenAddress, folder: Path) -> ListenAddress:
        return (
            ListenAddress(path=str(FilePath().at(Path(value.path), folder)))
            if value.path
            else value
        )

    def show(self, value: ListenAddress) -> str:
        return f'"{value}"'


@dataclass(frozen=True, slots=True)
class ListenOrNot(Listen):
    """The same, or nothing for a listener that is not wanted."""

    @property
    def expected(self) -> str:
        return f"{Listen().expected}, or nothing"

    def read(self, value: object) -> ListenAddress:
        is_blank = isinstance(value, str) and not value.strip()  # an empty variable is none at all
        return ListenAddress() if is_blank else Listen().read(value)


@dataclass(frozen=True, slots=True)
class Database(Kind[str]):
    """``sqlite:NAME``, ``sqlite:PATH`` or ``sqlite::memory:``; the ``sqlite:`` may be left out. Or ``postgresql://…``.

    A bare name lives in the data folder; anything with a slash is a path. What stands in a PostgreSQL URL beyond its hosts and the
    database's name is never shown.
    """

    hidden: ClassVar[bool] = True

    @property
    def expected(self) -> str:
        return "sqlite:NAME, sqlite:PATH, sqlite::memory: or postgresql://HOST/NAME"

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise Unfit
        scheme, colon, rest = value.partition(":")
        if scheme in {"postgresql", "postgres"} and colon:
            if not _POSTGRES.fullmatch(value):
                raise Unfit(
                    expected="postgresql://USER:PASSWORD@HOST:PORT/NAME, with %… for whatever is special in a part",
                    got="",
                )
            return value
        if value == MEMORY:
            return f"sqlite:{MEMORY}"
        if scheme != "sqlite" and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme) and colon:
            raise Unfit(got=f"an address that begins with {described(scheme + ':')}")
        place = rest if scheme == "sqlite" and colon else value
        # Two slashes: other programs disagree about whether sqlite:///a.db is relative, so we do not guess.
        if place.startswith("//") or place.endswith("/") or place in {".", ".."}:
            raise Unfit(got="an address that is none of them")
        FilePath().read(place)
        return f"sqlite:{place}"  # as written: "./home.db" says where, "home.db" does not

    def at(self, value: str, folder: Path) -> str:
        if is_postgres(value):
            return value
        place = value.removeprefix("sqlite:")
        return f"sqlite:{FilePath().at(Path(place), folder)}" if "/" in place else value

    def show(self, value: str) -> str:
        return f'"{without_secrets(value)}"'


@dataclass(frozen=True, slots=True)
class Url(Kind[str]):
    """An ``http://`` or ``https://`` address without user name, password and fragment."""

    words: str = "an http:// or https:// address"
    allow_query: bool = True

    @property
    def expected(self) -> str:
        return self.words

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise Unfit
        got = _shown(value)
        if not re.fullmatch(r"[!-~]{1,2048}", value):
            raise Unfit(expected=f"{self.words} in ASCII and without spaces", got=got)
        try:
            parts = urlsplit(value)
            host, _port = parts.hostname, parts.port
        except ValueError:
            raise Unfit(got=got) from None
        if parts.scheme not in {"http", "https"} or not host:
            raise Unfit(got=got)
        if "@" in parts.netloc:
            raise Unfit(expected=f"{self.words} without user name and password", got="")
        if "#" in value:
            raise Unfit(expected=f"{self.words} without a fragment (#…)", got=got)
        if "?" in value and not self.allow_query:
            raise Unfit(expected=f"{self.words} without a query (?…)", got=got)
        if not (re.fullmatch(_HOST_NAME, host) or _is_ipv6(host)):
            raise Unfit(got=got)
        return value


@dataclass(frozen=True, slots=True)
class BaseUrl(Kind[str]):
    """A URL that others are appended to: no query, no slash at the end."""

    url: ClassVar[Url] = Url(allow_query=False)

    @property
    def expected(self) -> str:
        return self.url.expected

    def read(self, value: object) -> str:
        return self.url.read(value).rstrip("/")


@dataclass(frozen=True, slots=True)
class HostName(Kind[str]):
    """A host name or IP address without a port, kept in lower case."""

    @property
    def expected(self) -> str:
        return "a host name or IP address without port"

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise Unfit
        bare = value.removeprefix("[").removesuffix("]")
        if re.fullmatch(_HOST_NAME, bare):
            return bare.lower()
        return _ipv6(bare)


def _ipv6(text: str) -> str:
    if not _is_ipv6(text):
        raise Unfit
    return str(ipaddress.IPv6Address(text))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _shown(url: str) -> str:
    """A URL for a message, without what may be secret in it."""
    if "@" in url:
        return ""
    address, mark, _ = url.partition("?")
    return described(f"{address}?…" if mark else address)
