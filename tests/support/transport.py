"""Calls of the server's own transport: resolvers that a test writes, and a function that calls."""

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_network

from homegraph.graph.destinations import Rules
from homegraph.graph.model import Project
from homegraph.graph.policy import Policy
from homegraph.service.http.posting import HttpTransport
from homegraph.testing.clock import ManualClock

WAIT_SECONDS = 20.0
"""Only a failing test waits that long."""

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
LOOPBACK_LISTED = Rules(networks=(ip_network("127.0.0.0/8"),))


def project(number=1, **policy):
    """A project."""
    return Project(f"p{number}", "", "1", policy=Policy(**policy))


class Names:
    """A resolver that a test writes. A list of answers is used up one by one; an event is waited for."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        answer = self.answers[host]
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            return ["127.0.0.1"]
        if isinstance(answer, OSError):
            raise answer
        return answer.pop(0) if isinstance(answer[0], list) else answer


@asynccontextmanager
async def calling(rules=None, *, look_up=None, clock=None, each_max=100):
    """A transport, and a function that calls with it."""
    transport = HttpTransport(
        (clock or ManualClock()).now,
        rules=rules or Rules(),
        project_exchanges=each_max,
        look_up=look_up or Names(),
    )

    async def post(
        url,
        *,
        of=None,
        body=b"{}",
        headers=(),
        seconds_max=WAIT_SECONDS,
        most=100_000,
        repeatable=False,
    ):
        return await transport.post(
            of or project(), url, headers, body,
            seconds_max=seconds_max, reply_max_bytes=most, repeatable=repeatable,
        )  # fmt: skip

    try:
        yield post
    finally:
        await transport.close()
