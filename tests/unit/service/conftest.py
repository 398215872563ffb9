"""What the tests of the transport share: the loops that it runs in."""

import asyncio

import pytest
import uvloop

from support.transport import WAIT_SECONDS


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Run a story to its end, in each of the loops: the server has uvloop, where there is one; callers have what they like."""

    def run(story):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(story, 3 * WAIT_SECONDS))

    return run
