"""Hold the lanes of an SQLite store up, so that tests say what comes together."""

import asyncio
import threading

HELD_SECONDS = 20.0
"""Only a test that has failed before it opened its gate waits that long; its store could not be closed otherwise."""


class Gate:
    """Holds the writer up, so that what is asked for meanwhile is one batch."""

    def __init__(self, store):
        self.entered, self.event = threading.Event(), threading.Event()
        self.held = store._writer.call(self.wait)

    def wait(self, _):
        self.entered.set()
        self.event.wait(HELD_SECONDS)

    @classmethod
    async def hold(cls, store):
        gate = cls(store)
        await asyncio.to_thread(gate.entered.wait)
        return gate

    async def open(self):
        self.event.set()
        await self.held


def on_writer(store, function):
    """Do something with the writer's connection."""
    return store._writer.call(lambda db: function(db.connection))


async def turn():
    """Let every task that is ready run up to where it waits."""
    for _ in range(3):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future
