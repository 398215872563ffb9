"""The callers' side: how many calls of Request Sync a program makes in a second, with our client and with what users have today.

Each caller is a process of its own, asked for a number of calls again and again, so that imports and connections are not
measured. All call the same stub, which answers ``{}`` and costs next to nothing. The callers take turns, and the ratio is taken
within each round. Run by ``python -m bench.callers``.

Our client runs in asyncio, as it does for whoever asks for nothing else, and once more in uvloop, which it does not need. Of the peers, the
``requests`` loop is the documented sample of 2018: one call after the other, a new connection for each. Google's library is used as its
documentation says for threads: one ``httplib2.Http`` for each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import local
from typing import Any, Final

from bench import processes

TOKEN: Final = "bench-access-token"
ROUNDS: Final = 5
ANSWER_SECONDS_MAX: Final = 120.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that calls. ``calls`` is what it makes in a round: about a second each."""

    name: str
    title: str
    calls: int


CALLERS: Final = (
    Caller("ours-64", "homegraph.AsyncClient, 64 in flight", 8_000),
    Caller("ours-64-uvloop", "homegraph.AsyncClient, 64 in flight, in uvloop", 8_000),
    Caller("ours-512", "homegraph.AsyncClient, 512 in flight", 8_000),
    Caller("google-64", "google-api-python-client, 64 threads", 1_000),
    Caller("requests", "requests.post, one after the other", 700),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One caller in one round. ``cpu_us`` is the caller's own CPU time per call."""

    calls_per_second: float
    cpu_us: float


# --- in the caller's process -------------------------------------------------------------------------------------


def ours(in_flight: int, base_url: str, *, in_uvloop: bool = False) -> Callable[[int], None]:
    """Our client, with an access token that somebody has already, as Google's gets one."""
    import uvloop  # noqa: PLC0415
    from google.oauth2.credentials import Credentials  # noqa: PLC0415  # each process imports its own caller only

    from homegraph import AsyncClient  # noqa: PLC0415

    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop if in_uvloop else None)
    client = AsyncClient(credentials=Credentials(token=TOKEN), base_url=base_url)

    async def call(count: int) -> None:
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                await client.request_sync(f"user-{number}")

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(in_flight, count)):
                workers.create_task(work())

    return lambda count: runner.run(call(count))


def google_library(threads: int, base_url: str) -> Callable[[int], None]:
    """google-api-python-client, with its static document."""
    import google_auth_httplib2  # noqa: PLC0415
    import httplib2  # noqa: PLC0415
    from google.oauth2.credentials import Credentials  # noqa: PLC0415
    from googleapiclient.discovery import build  # noqa: PLC0415

    credentials = Credentials(token=TOKEN)
    service = build(
        "homegraph",
        "v1",
        credentials=credentials,
        static_discovery=True,
        client_options={"api_endpoint": base_url},
    )
    mine, pool = local(), ThreadPoolExecutor(threads)

    def call(number: int) -> None:
        if not hasattr(mine, "http"):
            mine.http = google_auth_httplib2.AuthorizedHttp(credentials, httplib2.Http())
        body = {"agentUserId": f"user-{number}"}
        service.devices().requestSync(body=body).execute(http=mine.http)

    return lambda count: list(pool.map(call, range(count))).clear()


def requests_loop(base_url: str) -> Callable[[int], None]:
    """The documented sample, in a loop over users."""
    import requests  # noqa: PLC0415

    def call(count: int) -> None:
        for number in range(count):
            answer = requests.post(
                f"{base_url}/v1/devices:requestSync?key={TOKEN}",
                json={"agentUserId": f"user-{number}"},
                timeout=60,
            )
            answer.raise_for_status()

    return call


def serve(name: str, port: int) -> None:
    """Call as often as a line of standard input says; answer with what it took, a line of JSON each."""
    base_url = f"http://127.0.0.1:{port}"
    makers: dict[str, Callable[[], Callable[[int], None]]] = {
        "ours-64": lambda: ours(64, base_url),
        "ours-64-uvloop": lambda: ours(64, base_url, in_uvloop=True),
        "ours-512": lambda: ours(512, base_url),
        "google-64": lambda: google_library(64, base_url),
        "requests": lambda: requests_loop(base_url),
    }
    call = makers[name]()
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        cpu, started = time.process_time(), time.perf_counter()
        call(count)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        reading = Reading(count / seconds, cpu / count * 1e6)
        print(json.dumps(asdict(reading)), flush=True)


# --- the rounds --------------------------------------------------------------------------------------------------


def measure(rounds: int, share: float) -> dict[Caller, list[Reading]]:
    """All callers in turn, after a round that warms up and is thrown away. Raises Broken when one of them fails."""
    readings: dict[Caller, list[Reading]] = {caller: [] for caller in CALLERS}
    with ExitStack() as stack:
        port = str(stack.enter_context(processes.stub(1, 1)).port)
        started: dict[Caller, subprocess.Popen[bytes]] = {}
        for caller in CALLERS:
            process = stack.enter_context(
                processes.module(
                    "callers", "--as", caller.name, "--port", port, core=processes.SERVER_CORE
                )
            )
            processes.line(process, rb"(ready)\n")
            started[caller] = process
        for number in range(rounds + 1):
            for caller, process in started.items():
                reading = _asked(process, max(1, int(caller.calls * share)))
                if number:
                    readings[caller].append(reading)
    return readings


def _asked(process: subprocess.Popen[bytes], calls: int) -> Reading:
    assert process.stdin
    process.stdin.write(b"%d\n" % calls)
    process.stdin.flush()
    return Reading(
        **json.loads(processes.line(process, rb"(\{.*\})\n", seconds_max=ANSWER_SECONDS_MAX))
    )


def document(readings: dict[Caller, list[Reading]]) -> list[dict[str, Any]]:
    """A row for each caller: how many times as fast as it our client is, with 64 in flight, and how many times its CPU is ours."""
    best = readings[CALLERS[0]]
    return [
        {
            **asdict(caller),
            "calls_per_second": median(one.calls_per_second for one in rows),
            "cpu_us": median(one.cpu_us for one in rows),
            "ours_is": median(
                mine.calls_per_second / one.calls_per_second
                for mine, one in zip(best, rows, strict=True)
            ),
            "cpu_is": median(
                one.cpu_us / mine.cpu_us for mine, one in zip(best, rows, strict=True)
            ),
            "rounds": [asdict(one) for one in rows],
        }
        for caller, rows in readings.items()
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each caller, in Markdown."""
    lines = [
        "| caller | calls/s | its CPU us/call | our client with 64 in flight is | its CPU is ours |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['title']} | {row['calls_per_second']:,.0f} | {row['cpu_us']:,.0f} | {row['ours_is']:.1f} x "
        f"| {row['cpu_is']:.1f} x |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.callers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few calls, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all readings to this file")
    parser.add_argument("--as", dest="caller", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.caller:
        serve(options.caller, options.port)
        return 0
    rows = document(measure(1, 0.02) if options.quick else measure(ROUNDS, 1.0))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
