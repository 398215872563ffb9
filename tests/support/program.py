"""A device cloud's program: what calls the Home Graph with a token of its service account."""

import json

from support.google import access_token_for
from support.served import JSON


class Program:
    """A device cloud's program with a token: the calls it makes."""

    def __init__(self, served):
        key_file = served.admin("POST", "service-accounts", project="acme").json["key_file"]
        self._served = served
        self._headers = {**JSON, "Authorization": f"Bearer {access_token_for(key_file)}"}

    def call(self, method, user="user-1", **members):
        """One call on a connection of its own."""
        body = json.dumps({"agentUserId": user, **members}).encode()
        return self._served.send("POST", f"/v1/devices:{method}", headers=self._headers, body=body)

    def report(self, states=None, *, user="user-1", **members):
        """Report states, or whatever else ``payload.devices`` may have."""
        devices = {**({"states": states} if states is not None else {}), **members}
        return self.call("reportStateAndNotification", user, payload={"devices": devices})

    def query(self, *device_ids, user="user-1", **members):
        """Ask for the states of devices."""
        asked = [{"payload": {"devices": [{"id": one} for one in device_ids]}}]
        return self.call("query", user, inputs=asked, **members)

    def states(self, *device_ids, user="user-1"):
        """The states of devices, which must be there."""
        answer = self.query(*device_ids, user=user)
        assert answer.status == 200, answer.body
        return answer.json["payload"]["devices"]

    def sync(self):
        """Have a SYNC done, and wait for it."""
        answer = self.call("requestSync")
        assert answer.status == 200, answer.body
