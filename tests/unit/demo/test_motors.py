"""Devices that take their time: what is told when they arrive, and what when they are sent on before."""

import asyncio

from homegraph.demo.cloud.devices import Device
from homegraph.demo.cloud.homes import Home
from homegraph.demo.cloud.motors import Motors


class Heard:
    """A reporter that remembers what it was told."""

    def __init__(self):
        self.told = asyncio.Queue()

    def states_changed(self, _home, _device_id, notifications=None):
        self.told.put_nowait(notifications)


def followed(token, percent):
    """What is notified when a command has ended."""
    told = {"status": "SUCCESS", "followUpToken": token, "openPercent": percent}
    return {"OpenClose": {"priority": 0, "followUpResponse": told}}


def moved(*commands):
    """A blind that got these commands one after the other, and then had its time; and what was reported of it first."""
    blind = Device("blind", "BLINDS", "Blind", ["OpenClose"], {"openPercent": 100}, is_slow=True)

    async def move():
        moving, arrived, heard = asyncio.Event(), asyncio.Event(), Heard()

        async def arrival():
            moving.set()
            await arrived.wait()

        motors = Motors(heard, arrival)
        for percent, token in commands:
            moving.clear()
            motors.start(Home("user-1"), blind, {"openPercent": percent}, token)
            await moving.wait()
        assert blind.state["openPercent"] == 100
        arrived.set()
        told = await heard.told.get()
        await motors.close()
        return blind.state["openPercent"], told

    return asyncio.run(move())


def test_what_has_arrived_is_told():
    """With the token of its command, where there was one."""
    assert moved((30, "t-1")) == (30, followed("t-1", 30))
    assert moved((30, "")) == (30, None)


def test_a_command_replaces_the_one_before():
    """It moves on to the new place, and only that is told."""
    assert moved((30, "t-1"), (60, "t-2")) == (60, followed("t-2", 60))
    assert moved((30, "t-1"), (60, "t-2"), (90, "t-3")) == (90, followed("t-3", 90))
