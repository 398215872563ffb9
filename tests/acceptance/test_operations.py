"""What happens to servers and commands in operation: addresses, streams and files that are not what they should be."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from homegraph.testing.fulfillment import ScriptedFulfillment
from support.homes import Setup, configuration
from support.server import COMMAND, WAIT_SECONDS, Server, environment, homegraph, toml, until

Process = subprocess.Popen[bytes]

# --- socket files ------------------------------------------------------------------------------------------------


def refused(server: Server, *flags: str) -> str:
    """What a server says that does not start for a setting."""
    server.spawn(*flags)
    assert server.wait() == 2, server.errors
    return server.errors


def test_a_file_is_no_socket_to_be_replaced(start: Any, cloud: ScriptedFulfillment) -> None:
    """A mistyped address costs no file."""
    server: Server = start(configuration(cloud), ready=False)
    precious = server.folder / "home.db"
    precious.write_bytes(b"precious")

    told = refused(server, "--listen", f"unix:{precious}")

    assert precious.read_bytes() == b"precious"
    assert "listen: cannot listen on unix:" in told
    assert "no socket; it was left alone" in told


def test_a_server_that_runs_keeps_its_socket(start: Any, cloud: ScriptedFulfillment) -> None:
    """A second server does not take the first one's socket away; one that was killed leaves none in the way."""
    first: Server = start(configuration(cloud), name="first", ready=False)
    second: Server = start(configuration(cloud), name="second", ready=False)
    place = first.folder / "socket"
    first.start("--listen", f"unix:{place}")

    told = refused(second, "--listen", f"unix:{place}")

    assert "Address already in use\n" in told
    assert "A server that runs answers there" in told
    assert answers(place)
    first.kill()
    second.start("--listen", f"unix:{place}")
    assert answers(place)


@contextmanager
def serving(
    folder: Path, cloud: ScriptedFulfillment, shell: str, *, stderr: int | None = None
) -> Iterator[Process]:
    """A server that a shell starts; ``SERVE`` in its words becomes the command, which listens at ``socket`` in the folder."""
    config = folder / "homegraph.toml"
    config.write_text(toml(configuration(cloud)))
    config.chmod(0o644)  # so there is a warning, too
    serve = f'exec "$0" serve --data-dir data --listen unix:{folder / "socket"}'
    words = ["sh", "-c", shell.replace("SERVE", serve), COMMAND]
    with subprocess.Popen(words, cwd=folder, env=environment(), stderr=stderr) as server:
        try:
            until(
                lambda: server.poll() is not None or is_answered(folder / "socket"),
                "the server answers",
            )
            yield server
            server.terminate()
            server.wait(WAIT_SECONDS)
        finally:
            server.kill()


def is_answered(place: Path) -> bool:
    """Whether a server is at a socket file yet."""
    try:
        return answers(place)
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def answers(place: Path) -> bool:
    """Whether a ready server is at a socket file."""
    return b" 200 OK" in ask(place, b"GET /livez")


def ask(place: Path, what: bytes) -> bytes:
    """What a server at a socket file answers."""
    head = b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(WAIT_SECONDS)
        asking.connect(str(place))
        asking.sendall(what + head + b"{}")
        return asking.recv(4096)


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        (f"unix:/tmp/{'x' * 120}.sock", "AF_UNIX path too long"),
        ("192.0.2.1:0", "Cannot assign requested address"),
    ],
)
def test_an_address_that_cannot_be_had(
    start: Any, cloud: ScriptedFulfillment, listen: str, why: str
) -> None:
    """The system's reason is told, and no other program is blamed for it."""
    server: Server = start(configuration(cloud), ready=False)

    told = refused(server, "--listen", listen)

    assert f"error: listen: cannot listen on {listen}: {why}\n" in told
    assert "Another program" not in told
    assert "fix:   --listen takes another.\n" in told


# --- connections -------------------------------------------------------------------------------------------------


def test_a_soft_limit_of_open_files_turns_nobody_away(
    tmp_path: Path, cloud: ScriptedFulfillment
) -> None:
    """Most systems start programs with few open files and let them take more."""
    with serving(tmp_path, cloud, "ulimit -S -n 64; SERVE"), ExitStack() as callers:
        for _ in range(100):
            caller = callers.enter_context(socket.socket(socket.AF_UNIX))
            caller.connect(str(tmp_path / "socket"))
        assert answers(tmp_path / "socket")


def test_a_hard_limit_of_open_files_that_is_too_low(
    tmp_path: Path, cloud: ScriptedFulfillment
) -> None:
    """It is said at the start: what fails later for want of files would be blamed on disk or network."""
    with serving(tmp_path, cloud, "ulimit -n 32; SERVE", stderr=subprocess.PIPE) as server:
        told = server.communicate(timeout=WAIT_SECONDS)[1].decode()

    assert server.returncode == 2
    assert "error: a process may open 32 files only (ulimit -Hn), and a server needs 64\n" in told


# --- a supervisor ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["notify", "@homegraph-notify"])
def test_a_supervisor_is_told_how_it_stands(
    start: Any, tmp_path: Path, cloud: ScriptedFulfillment, place: str
) -> None:
    """NOTIFY_SOCKET hears once when calls are answered, and once when that ends: a file, or a name of Linux alone."""
    is_name = place.startswith("@")
    named = f"{place}-{os.getpid()}" if is_name else str(tmp_path / place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0{named[1:]}" if is_name else named)
        supervisor.settimeout(WAIT_SECONDS)
        server: Server = start(configuration(cloud), variables={"NOTIFY_SOCKET": named})
        ready = supervisor.recv(64)
        assert server.call("", method="GET", path="/livez").status == 200
        server.stop()
        stopping = supervisor.recv(64)

    assert (ready, stopping) == (b"READY=1", b"STOPPING=1")


def test_a_supervisor_that_is_not_there_stops_no_server(
    start: Any, tmp_path: Path, cloud: ScriptedFulfillment
) -> None:
    """A variable that is left over leads nowhere."""
    gone = {"NOTIFY_SOCKET": str(tmp_path / "gone")}
    server: Server = start(configuration(cloud), variables=gone)

    assert server.stop() == 0


# --- the banner --------------------------------------------------------------------------------------------------


def test_the_banner_of_many_projects_is_no_list_of_them(
    start: Any, cloud: ScriptedFulfillment
) -> None:
    """Ten are named, the others counted, so that what to do next is not out of sight."""
    one = {"fulfillment_url": cloud.url}
    server: Server = start({"projects": {f"p{number:02}": one for number in range(12)}})

    named = [line for line in server.banner.splitlines() if cloud.url in line]
    assert len(named) == 10
    assert "p09 " in named[-1]
    assert "and 2 more" in server.banner


# --- the data folder ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "why"), [(None, "Is a directory"), (b"\xff", "it is no text")])
def test_a_token_that_cannot_be_read(
    start: Any, cloud: ScriptedFulfillment, content: bytes | None, why: str
) -> None:
    """What is wrong with which file is said in words, with the folder that it lies in."""
    server: Server = start(configuration(cloud), ready=False)
    token = server.data_dir / "admin-token"
    server.data_dir.mkdir()
    if content is None:
        token.mkdir()
    else:
        token.write_bytes(content)

    told = refused(server)

    assert f"error: {token} cannot be used: {why}\n" in told
    assert "fix:   It is in the data folder (data_dir, --data-dir)" in told


# --- streams -----------------------------------------------------------------------------------------------------

FULL: Final = Path("/dev/full")
"""A device of Linux on which nothing can be written: a full disk."""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_server_needs_no_streams(tmp_path: Path, cloud: ScriptedFulfillment, closed: Any) -> None:
    """Whoever starts it with closed streams, as daemons of old do, gets a server, and no file of it takes their place."""
    shell = "".join(f" {number}>&-" for number in closed)
    with serving(tmp_path, cloud, f"SERVE{shell}") as server:
        streams = (Path(f"/proc/{server.pid}/fd/{number}") for number in closed)
        opened = {str(stream.readlink()) for stream in streams}

    assert (server.returncode, opened) == (0, {"/dev/null"})


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize("number", [1, 2])
def test_a_server_serves_although_its_words_cannot_be_written(
    tmp_path: Path, cloud: ScriptedFulfillment, number: int
) -> None:
    """Where stdout or stderr is a file on a full disk it starts, serves, and ends with 0 all the same."""
    with serving(tmp_path, cloud, f"SERVE {number}>/dev/full") as server:
        pass

    assert server.returncode == 0


@pytest.mark.parametrize("closed", [">&-", "<&-"])
@pytest.mark.parametrize("arguments", [("--version",), ("lint", "-"), ("db", "status")])
def test_a_command_needs_no_streams(
    tmp_path: Path, arguments: tuple[str, ...], closed: str
) -> None:
    """A command whose result nobody wants is no bug, nor is one that nobody gives anything: it is an empty answer then."""
    wanted = homegraph(*arguments, folder=tmp_path)

    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closed}', COMMAND, *arguments],
        cwd=tmp_path,
        env=environment(),
        input="",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (wanted.code, wanted.err)


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_a_version_that_cannot_be_written_is_no_traceback() -> None:
    """It is said like any other result that has found no room."""
    with FULL.open("wb") as full:
        done = subprocess.run(
            [COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, check=False
        )

    told = b"error: The result cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr.startswith(told)) == (1, True)


# --- moving ------------------------------------------------------------------------------------------------------


def test_an_export_does_not_seem_to_lack_links(setup: Setup) -> None:
    """Links stand in the lines of their agent users; who reads the totals must not take them for lost."""
    done = setup.server.cli("export", "home.jsonl")

    assert done.out == (
        "home.jsonl: projects 1, agent users with their links 1, links before their first SYNC 0\n"
    )


# --- a log that nobody reads -------------------------------------------------------------------------------------

PIPE_BYTES: Final = 4_096

CALLS: Final = 100
"""Each of them is told of, and all of them are more than the pipe holds."""


def test_a_log_that_is_not_read_stops_nobody(tmp_path: Path, cloud: ScriptedFulfillment) -> None:
    """Calls are answered, the next reader is told how much is missing, and the server ends when it is asked to."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    with serving(tmp_path, cloud, "SERVE --log-level debug", stderr=write) as server:
        os.close(write)
        call_often(tmp_path / "socket")
        os.set_blocking(read, False)
        until(lambda: b'"log.lost"' in said(tmp_path / "socket", read), "lost lines are told of")
        call_often(tmp_path / "socket")
    os.close(read)

    assert server.returncode == 0


def call_often(place: Path) -> None:
    """More calls than the pipe has room for, and what is none: the words of libraries must not wait for a reader either."""
    for _ in range(CALLS):
        assert ask(place, b"POST /v1/devices:requestSync?key=none")
        assert ask(place, b"what is this")


def said(place: Path, read: int) -> bytes:
    """What the pipe holds after it was emptied and one more call was made."""
    with suppress(BlockingIOError):
        os.read(read, PIPE_BYTES)
    ask(place, b"POST /v1/devices:requestSync?key=none")
    try:
        return os.read(read, PIPE_BYTES)
    except BlockingIOError:
        return b""


# --- a terminal that closes --------------------------------------------------------------------------------------


def test_a_server_may_outlive_its_terminal(tmp_path: Path, cloud: ScriptedFulfillment) -> None:
    """Under ``nohup`` a closed terminal is none of its business."""
    with serving(tmp_path, cloud, 'trap "" HUP; SERVE') as server:
        server.send_signal(signal.SIGHUP)
        assert answers(tmp_path / "socket")

    assert server.returncode == 0


def test_a_folder_whose_name_sqlite_cannot_read(tmp_path: Path) -> None:
    """SQLite takes names in UTF-8 alone; that is no bug, and is said."""
    folder = Path(os.fsdecode(bytes(tmp_path / "home") + b"\xff"))
    folder.mkdir()

    done = homegraph("serve", "--data-dir", "data", "--listen", "127.0.0.1:0", folder=folder)

    assert done.code == 2
    assert "home?/data/home.db: this name is not UTF-8" in done.err
