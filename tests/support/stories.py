"""A link whose token lives for an hour, and the time between its cloud and its server."""

from contextlib import contextmanager

from homegraph.graph.model import LinkState
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import Home, ScriptedFulfillment
from support.served import Served, an_integration, settings_in

LIFETIME = 3_600.0


class Story:
    """A cloud whose tokens live for an hour, a server that is linked with it, and the time between them."""

    def __init__(self, cloud, served, clock):
        self.cloud, self.served, self.clock = cloud, served, clock
        self.events = []
        served.house.events.subscribe(self.events.append)

    def pass_time(self, seconds):
        """Let time pass."""

        async def advance():
            self.clock.advance(seconds)

        self.served.do(advance())

    def expire(self):
        """The access token has ended: the fulfillment does not know it any more, and the next one it does."""
        self.cloud.homes = {"token-2": self.cloud.homes.get("token-1", Home())}

    def execute(self):
        """Have the lamp turned on."""
        return self.served.admin(
            "POST",
            "execute",
            project="acme",
            agent_user="user-1",
            devices=["lamp"],
            params=["on=true"],
        )

    def command(self):
        """Have it turned on; what the device's result says of it."""
        (device,) = self.execute().json["devices"]
        return device

    @property
    def link(self):
        """The link as it is now."""
        return self.served.do(self.served.house.store.find_link("acme", "ann"))

    @property
    def refreshes(self):
        """The calls of the token endpoint."""
        return [call for call in self.cloud.calls if call.path == "/token"]

    def told(self, kind):
        """The events of this kind."""
        return [event for event in self.events if isinstance(event, kind)]


@contextmanager
def told(folder):
    """A linked user; refresh-1 buys token-2."""
    clock = ManualClock()
    grant = LinkSettings("ann", Secret("token-1"), Secret("refresh-1"), LIFETIME)
    with ScriptedFulfillment() as cloud:
        cloud.refresh_tokens["refresh-1"] = "token-2"
        settings = settings_in(folder, an_integration(cloud, links=(grant,)))
        with Served(settings, clock) as served:
            served.until_link(lambda link: link.state is LinkState.LINKED)
            yield Story(cloud, served, clock)


async def idle(house):
    """Whether nothing is to do."""
    return not await house.store.works()
