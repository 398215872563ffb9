"""A homegraph server as a process, started and ended as a user, a service manager or a power cut would.

``Server`` owns one folder: a ``homegraph.toml`` and the data folder beside it. It can be started, killed and started again
on the same data; what it said is kept and can be shown. Everything is asked through its doors: HTTP, the command line, and
the files it leaves.

Not its business: what a test expects of the server. The rule that is easily broken: no test may wait for a span of
time. ``until`` waits for a condition, and its bound is only how long a failing test takes.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

WAIT_SECONDS: Final = 20.0
"""How long something that is to happen may take; only a failing test waits that long."""

LOOK_AGAIN_SECONDS: Final = 0.01
"""Between two looks at a stranger's process, which tells nobody when it changes."""

FULL_DISK: Final = Path(__file__).parent / "full_disk"
"""Where a process finds what makes its disk full: its PYTHONPATH."""

NO_LINKS: Final = Path(__file__).parent / "no_links"
"""The same for a disk without hard links."""

COMMAND: Final = Path(sys.executable).parent / "homegraph"
"""The command of the environment that runs the tests, wherever that is."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; header names are in lower case, repeated headers are joined with a comma."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reasons(self) -> list[str]:
        """Our own reasons in an error, most likely first: the ErrorInfo, then the other pages of the Help."""
        details = self.json["error"].get("details", [])
        told = [d["reason"] for d in details if d.get("domain") == "homegraph"]
        pages = [link["url"].rpartition("/")[2] for d in details for link in d.get("links", ())]
        return list(dict.fromkeys(told + [page for page in pages if page.isupper()]))


class Server:
    """One server and its folder."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any], *, variables: Mapping[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data_dir = folder / "data"
        self.config_file = folder / "homegraph.toml"
        self.configure(config)
        self.url = ""
        self.banner = ""
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._starts = 0
        self._said: list[str] = []
        self._news = threading.Condition()

    # --- its life --------------------------------------------------------------------------------------------

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the file; it is read at the next start."""
        self.config_file.touch(mode=0o600)
        self.config_file.write_text(toml(config), encoding="utf-8")

    def spawn(self, *flags: str) -> None:
        """Start the process, and do not wait for it to be ready."""
        if self.is_alive:
            raise AssertionError("the server runs already")
        self._starts += 1
        self._said = []
        command = [COMMAND, "serve", "--config", self.config_file, "--data-dir", self.data_dir]
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(
                [*map(str, command), "--listen", "127.0.0.1:0", *flags],
                cwd=self.folder,
                env=environment(self._variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # its group is what it has started, and nobody else
            )
        self._reader = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._reader.start()

    def start(self, *flags: str) -> Self:
        """Start it and wait until it says where it is."""
        self.spawn(*flags)
        self.wait_for_banner()
        return self

    def wait_for_banner(self) -> None:
        """Wait until the server has said where it is."""
        with self._news:
            done = self._news.wait_for(lambda: self._ended or "Stop:" in self._text, WAIT_SECONDS)
            self.banner = self._text
        if not done or "Stop:" not in self.banner:
            raise AssertionError(f"no banner, but: {self.banner}\n{self.errors}")
        line = next(line for line in self.banner.splitlines() if line.split()[:1] == ["API"])
        self.url = line.split()[1].removesuffix("/v1/")

    def restart(self) -> Self:
        """Start it again on the same data; the address is another one."""
        return self.start()

    def kill(self) -> None:
        """Kill -9."""
        self._living.kill()
        self._wait()

    def terminate(self) -> None:
        """Send SIGTERM, once."""
        self._living.terminate()

    def hang_up(self) -> None:
        """Send SIGHUP twice, as a terminal may that closes: once by itself, once by its shell."""
        for _ in range(2):
            self._living.send_signal(signal.SIGHUP)

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """SIGSTOP, as a machine does that swaps or is moved; afterwards it goes on as if nothing had been."""
        self._living.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._living.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return self._wait()

    def end(self) -> None:
        """Make sure that nothing is left of it, nor of what it has started."""
        if self._process is not None:
            self._kill_group()
            self._wait()

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    # --- what it says ----------------------------------------------------------------------------------------

    @property
    def errors(self) -> str:
        """What the newest process has written to stderr."""
        return self._log().read_text(encoding="utf-8", errors="replace") if self._starts else ""

    def story(self) -> str:
        """Everything that all its processes have written to stderr, for reading after a failure."""
        parts = []
        for number in range(1, self._starts + 1):
            text = self._log(number).read_text(encoding="utf-8", errors="replace")
            if text:
                parts.append(f"--- {self.folder.name}, start {number}\n{text}")
        return "\n".join(parts)

    def wait_for_line(self, words: str) -> None:
        """Wait until stderr has a line with these words."""
        until(lambda: words in self.errors, f"{words!r} on stderr")

    # --- its doors -------------------------------------------------------------------------------------------

    def cli(
        self, *arguments: str, variables: Mapping[str, str] | None = None, text: str | None = None
    ) -> Done:
        """Run a command from a second terminal."""
        where = {"HOMEGRAPH_SERVER": self.url, "HOMEGRAPH_DATA_DIR": str(self.data_dir)}
        return homegraph(
            *arguments, folder=self.folder, variables={**where, **(variables or {})}, text=text
        )

    def show(self, *arguments: str) -> Any:
        """The document that a command prints, which must succeed."""
        done = self.cli(*arguments, "--json")
        if done.code != 0:
            raise AssertionError(f"{arguments} ended with {done.code}: {done.err}")
        return done.json

    def call(
        self,
        body: bytes | str,
        *,
        key: str = "",
        query: str = "",
        method: str = "POST",
        path: str = "/v1/devices:requestSync",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One call of the public API, on a connection of its own."""
        query = "&".join(part for part in (f"key={key}" if key else "", query) if part)
        target = f"{path}?{query}" if query else path
        raw = body.encode() if isinstance(body, str) else body
        sent = {"Content-Type": "application/json"} if headers is None else dict(headers)
        return ask(self.port, method, target, raw, sent)

    def admin(self, path: str, **parameters: str) -> Any:
        """A document of the admin API, asked directly: a command takes a third of a second."""
        target = f"/-/api/{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        return self._admin("GET", target, b"")

    def admin_post(self, path: str, **members: Any) -> Any:
        """What the admin API answers to a wish."""
        return self._admin("POST", f"/-/api/{path}", json.dumps(members).encode())

    def _admin(self, method: str, target: str, body: bytes) -> Any:
        token = (self.data_dir / "admin-token").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        reply = ask(self.port, method, target, body, headers)
        if reply.status != http.client.OK:
            raise AssertionError(f"{target} answers {reply.status}: {reply.text}")
        return reply.json

    def device_ids(self, agent_user_id: str, project: str = "acme") -> list[str]:
        """The stored device list."""
        found = self.admin("devices", project=project, agent_user=agent_user_id)
        return [device["id"] for device in found["devices"]]

    def wait_until_idle(self) -> None:
        """Wait until nothing is waiting or running."""

        def idle() -> bool:
            counts = self.admin("status")["counts"]
            return bool(counts["waiting"] == counts["running"] == 0)

        until(idle, "nothing waits and nothing runs")

    # --- inside ----------------------------------------------------------------------------------------------

    @property
    def _living(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("the server was not started")
        return self._process

    @property
    def _text(self) -> str:
        return "".join(self._said)

    @property
    def _ended(self) -> bool:
        return self._living.poll() is not None and not (self._reader and self._reader.is_alive())

    def _log(self, number: int = 0) -> Path:
        return self.folder / f"stderr-{number or self._starts}.log"

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._news:
                self._said.append(line.decode())
                self._news.notify_all()
        process.wait()
        with self._news:
            self._news.notify_all()

    def _wait(self) -> int:
        """Wait for its end and for that of its workers, which hold its stdout; a bound, or a broken server would hang its test."""
        process = self._living
        assert process.stdout is not None
        try:
            code = process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise self._outlived("the server does not end") from None
        if self._reader is not None:
            self._reader.join(WAIT_SECONDS)
            if self._reader.is_alive():
                raise self._outlived("the server has ended, and what it started has not")
        process.stdout.close()
        return code

    def _outlived(self, what: str) -> AssertionError:
        """What a test fails with whose server did not end; it is ended now."""
        self._kill_group()
        return AssertionError(f"{what}\n{self.errors}")

    def _kill_group(self) -> None:
        """Kill -9 of the server and of everything that it has started. When all is over, its number may be another group's."""
        if self.is_alive or (self._reader is not None and self._reader.is_alive()):
            with suppress(ProcessLookupError):
                os.killpg(self._living.pid, signal.SIGKILL)


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would set up a server, and with ``variables``."""
    stray = ("PORT", "DATABASE_URL")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HOMEGRAPH_", "COV_")) and name not in stray
    }
    return {**kept, **(variables or {})}


def homegraph(
    *arguments: str,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    text: str | None = None,
) -> Done:
    """Run the command to its end; ``text`` goes to its stdin."""
    ran = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=folder,
        env=environment(variables),
        input=text if text is not None else "",
        capture_output=True,
        text=True,
        timeout=3 * WAIT_SECONDS,
        check=False,
    )
    return Done(ran.returncode, ran.stdout, ran.stderr)


def ask(port: int, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """One HTTP request on a connection of its own. Only ``headers`` are sent, and those HTTP cannot do without."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3 * WAIT_SECONDS)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in answer.getheaders():
            old = found.get(name.lower())
            found[name.lower()] = value if old is None else f"{old}, {value}"
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()


def until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until a condition of another process holds."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"within {seconds:g} s it did not come true that {what}")
        pause.wait(LOOK_AGAIN_SECONDS)


def toml(config: Mapping[str, Any]) -> str:
    """A configuration as TOML: one table for ``server`` and for each project, the rest in line."""
    lines: list[str] = []
    tables = {"server": config.get("server", {})}
    tables |= {f"projects.{name}": keys for name, keys in config.get("projects", {}).items()}
    for name, keys in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_value(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)  # texts, numbers and truth look the same in TOML
