"""``python -m homegraph.demo.cloud``: the sample cloud by itself, as examples/cloud/README.md uses it.

Without a word it fits the homegraph.toml that lies beside that README. Secrets come from files and variables, never from arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvicorn

from homegraph import AsyncClient, HomegraphError
from homegraph.demo.cloud.app import DeviceCloud
from homegraph.demo.cloud.config import SLOW_SECONDS, TOKEN_SECONDS, Config

HOST: Final = "127.0.0.1"
PORT: Final = 4664
HOME_GRAPH: Final = "http://127.0.0.1:4663"
PROJECT: Final = "sample"
CLIENT_ID: Final = "homegraph"

SECRET_VARIABLE: Final = "CLOUD_CLIENT_SECRET"  # noqa: S105  # a name
SAMPLE_SECRET: Final = "only-for-trying"  # noqa: S105  # no secret: it stands in the example
KEY_VARIABLE: Final = "CLOUD_API_KEY"

GRACE_SECONDS: Final = 1


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    try:
        return asyncio.run(_serve(asked, environment))
    except KeyboardInterrupt:
        return 0
    except (HomegraphError, OSError) as exc:
        sys.stderr.write(f"device-cloud: {exc}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m homegraph.demo.cloud",
        description="A device cloud to link with a Home Graph. Everything is in memory.",
        epilog=f"{SECRET_VARIABLE} is the OAuth client's secret, {KEY_VARIABLE} an API key where there is no key file.",
    )
    parser.add_argument("--port", type=int, default=PORT, help="%(default)s; 0 for any free one")
    parser.add_argument("--home-graph", default=HOME_GRAPH, metavar="URL", help="%(default)s")
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="a service account's key")
    parser.add_argument(
        "--redirect-uri",
        action="append",
        metavar="URI",
        help=f"where codes may be sent; HOME_GRAPH/r/{PROJECT} without it; may stand there twice",
    )
    parser.add_argument("--client-id", default=CLIENT_ID, metavar="ID", help="%(default)s")
    parser.add_argument(
        "--token-seconds", type=int, default=TOKEN_SECONDS, metavar="N", help="%(default)s"
    )
    parser.add_argument(
        "--slow-seconds", type=float, default=SLOW_SECONDS, metavar="N", help="%(default)s"
    )
    return parser


async def _serve(asked: argparse.Namespace, environment: Mapping[str, str]) -> int:
    config = Config(
        client_id=asked.client_id,
        client_secret=environment.get(SECRET_VARIABLE, SAMPLE_SECRET),
        redirect_uris=frozenset(asked.redirect_uri or [f"{asked.home_graph}/r/{PROJECT}"]),
        token_seconds=asked.token_seconds,
        slow_seconds=asked.slow_seconds,
    )
    cloud = DeviceCloud(config, secret=secrets.token_urlsafe, now=time.monotonic)
    async with AsyncExitStack() as stack:
        client = _client(asked, environment)
        if client is not None:
            await stack.enter_async_context(client)
            cloud.introduce(client, reports_states=asked.credentials is not None)
        await stack.enter_async_context(cloud.working())
        await _answer(cloud, asked.port)
    return 0


async def _answer(cloud: DeviceCloud, port: int) -> None:
    """Answer on a port of this machine until a signal comes."""
    with socket.create_server((HOST, port)) as listening:
        # Connections inherit it. Without it an answer waits 40 ms for the other side's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sys.stdout.write(
            f"device cloud   http://{HOST}:{listening.getsockname()[1]}   Stop: Ctrl-C\n"
        )
        sys.stdout.flush()
        config = uvicorn.Config(
            cloud.app,
            lifespan="off",
            log_level=logging.WARNING,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        await uvicorn.Server(config).serve(sockets=[listening])


def _client(asked: argparse.Namespace, environment: Mapping[str, str]) -> AsyncClient | None:
    """What calls the Home Graph; None without a credential. Raises SettingsError."""
    if asked.credentials is not None:
        return AsyncClient(base_url=asked.home_graph, credentials=asked.credentials)
    if environment.get(KEY_VARIABLE):
        return AsyncClient(base_url=asked.home_graph, api_key=environment[KEY_VARIABLE])
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
