"""Where the server is, and where its data folder: what every command needs to know before it can speak.

For both the first of these counts: the option, its variable (Typer reads both), what the server itself would be told by
variable or ``homegraph.toml``, the default. Only two keys of that file are looked at, and a mistake elsewhere in it is the
server's to report: a command must be able to ask a running server although somebody is editing its file.

The admin token is read here and nowhere else, and is handed on as a value that is never printed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from homegraph.client.address import DEFAULT_BASE_URL, checked_base_url, is_loopback
from homegraph.errors import AdminRefused, SettingsError

__all__ = ["TOKEN_FILE", "Place", "Token", "find", "token"]

SETTINGS_FILE: Final = "homegraph.toml"
SETTINGS_FILE_VARIABLE: Final = "HOMEGRAPH_CONFIG"
TOKEN_FILE: Final = "admin-token"  # noqa: S105  # a file's name
TOKEN_VARIABLE: Final = "HOMEGRAPH_ADMIN_TOKEN"  # noqa: S105  # a variable's name
TOKEN_FILE_VARIABLE: Final = "HOMEGRAPH_ADMIN_TOKEN_FILE"  # noqa: S105  # a variable's name
LISTEN_VARIABLE: Final = "HOMEGRAPH_LISTEN"
PORT_VARIABLE: Final = "PORT"
"""What hosting platforms set; the server honours it where nothing else is said."""

TOKEN_MAX_BYTES: Final = 4096
"""A token has under 100 characters; whatever is longer is another file."""

_OPTIONS: Final = "--server, or --base-url where a command has that"

_EVERYWHERE: Final[Mapping[str, str]] = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Addresses to listen at that are none to call: this machine is meant."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server's address, without a slash at its end, and its data folder.

    ``elsewhere``: the server was named and is not on this machine, while the folder is merely the default one here; so the
    token in it is another server's.
    """

    server: str
    data_dir: Path
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """The admin token, and where it was found: the name of a variable, or the ``path`` of a file."""

    value: str = field(repr=False)
    source: str
    path: Path | None = None


def find(
    server: str | None, data_dir: str | None, *, environment: Mapping[str, str], folder: Path
) -> Place:
    """Decide which server is meant.

    ``folder`` is where ``homegraph.toml`` is looked for, and where relative paths begin.

    Raises:
        SettingsError: an address cannot be used, or the file cannot be read; names the place.
    """
    path = folder / (environment.get(SETTINGS_FILE_VARIABLE) or SETTINGS_FILE)
    written: Mapping[str, Any] = {} if server and data_dir else _written(path)
    if server:
        address = checked_base_url(server, "--server")
    else:
        address = _own_address(environment, written, path)
    if data_dir:
        return Place(address, folder / _at_home(data_dir))
    if isinstance(written.get("data_dir"), str):
        return Place(address, path.parent / _at_home(written["data_dir"]))
    import platformdirs

    elsewhere = server is not None and not is_loopback(address)
    return Place(address, platformdirs.user_data_path("homegraph", appauthor=False), elsewhere)


def token(place: Place, environment: Mapping[str, str]) -> Token:
    """The admin token: from its variable, from the file that a variable names, or from the data folder.

    Raises:
        AdminRefused: there is none, or it cannot be read; names where it was looked for.
    """
    if value := environment.get(TOKEN_VARIABLE, "").strip():
        if not value.isascii():
            raise AdminRefused(
                f"{TOKEN_VARIABLE} is not a token: it has other than ASCII characters.",
                hint="Set it to what stands in admin-token of the server's data folder.",
            )
        return Token(value, TOKEN_VARIABLE)
    named = environment.get(TOKEN_FILE_VARIABLE)
    if place.elsewhere and not named:
        raise AdminRefused(
            f"No admin token is known for {place.server}.",
            hint=f"Set {TOKEN_VARIABLE} to that server's token, or name its folder with --data-dir. "
            "The token of a server on this machine is not sent to another one.",
        )
    path = Path(named) if named else place.data_dir / TOKEN_FILE
    try:
        with path.open("rb") as file:
            value = file.read(TOKEN_MAX_BYTES).decode("ascii").strip()
    except FileNotFoundError as exc:
        raise AdminRefused(
            f"There is no admin token at {path}.",
            hint="Start the server once, which makes it; or name its folder with --data-dir; "
            f"or set {TOKEN_VARIABLE}.",
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        why = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else "it is no text"
        raise AdminRefused(
            f"The admin token at {path} cannot be read: {why}.",
            hint=f"Run the command as the user who runs the server, or set {TOKEN_VARIABLE}.",
        ) from exc
    if not value:
        raise AdminRefused(
            f"The admin token at {path} is empty.",
            hint="Remove the file and start the server again, which makes a new one.",
        )
    return Token(value, str(path), path)


def _at_home(folder: str) -> Path:
    """A folder with its ``~`` replaced; as it is where no such home is known, which is how the server takes it."""
    return Path(os.path.expanduser(folder))  # noqa: PTH111  # pathlib raises there


def _written(path: Path) -> Mapping[str, Any]:
    """The [server] part of the file; nothing when there is no file."""
    try:
        with path.open("rb") as file:
            section = tomllib.load(file).get("server", {})
    except FileNotFoundError:
        return {}
    except RecursionError:
        # Without the cause: its traceback is a thousand frames of the parser's.
        raise SettingsError(
            "The file cannot be read: lists or tables are nested too deeply.", place=str(path)
        ) from None
    except (OSError, ValueError) as exc:
        raise SettingsError(
            f"The file cannot be read: {exc}.",
            place=str(path),
            hint="Correct it; or give --server and --data-dir, then the file is not looked at.",
        ) from exc
    return section if isinstance(section, dict) else {}


def _own_address(environment: Mapping[str, str], written: Mapping[str, Any], path: Path) -> str:
    """Where the server listens that is started here."""
    if environment.get(LISTEN_VARIABLE):
        return _address(environment[LISTEN_VARIABLE], LISTEN_VARIABLE)
    if isinstance(written.get("listen"), str):
        return _address(written["listen"], f"{path.name}: server.listen")
    if environment.get(PORT_VARIABLE):
        return _address(f":{environment[PORT_VARIABLE]}", PORT_VARIABLE)
    return DEFAULT_BASE_URL


def _address(listen: str, where: str) -> str:
    """The address to call for an address to listen at."""
    if listen.startswith("unix:"):
        raise SettingsError(
            "The server listens at a socket file, and the commands speak TCP only.",
            place=where,
            hint=f"Let the server listen at a port, or say where it is reached with {_OPTIONS}.",
        )
    host, _, port = listen.rpartition(":")
    if not port.strip("0"):
        raise SettingsError(
            "The server chooses its port itself.",
            place=where,
            hint=f"Give the address that the server has printed with {_OPTIONS}.",
        )
    host = host.removeprefix("[").removesuffix("]")
    host = _EVERYWHERE.get(host, host)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return checked_base_url(address, where)
