"""``homegraph agent-users``: what the public API has for a whole agent user, which is to forget it."""

from __future__ import annotations

from homegraph.cli import output
from homegraph.cli.caller import (
    AgentUserId,
    BaseUrl,
    CredentialsFile,
    Target,
    address,
    calling,
)
from homegraph.cli.failure import FAILED
from homegraph.cli.options import Json, Yes, agreed, command, commands

app = commands("Agent users, through the public API.")


@app.callback()
def group() -> None:
    """Agent users, through the public API."""


@command(
    app,
    "delete",
    "homegraph agent-users delete user-1 --credentials key.json",
    "homegraph agent-users delete user-1 --target google --yes",
)
def delete(
    *,
    agent_user_id: AgentUserId,
    yes: Yes = False,
    credentials: CredentialsFile = None,
    target: Target = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> int:
    """Have a Home Graph forget an agent user: its links, devices and states.

    Asks on a terminal, and needs --yes elsewhere. The fulfillment is told nothing. A service account is needed: --credentials, or what
    GOOGLE_APPLICATION_CREDENTIALS names.
    """
    to = address(target, base_url)
    with calling(to, credentials=credentials) as caller:
        question = f"Have {to} forget {agent_user_id}, with all links and devices?"
        if not agreed(question, yes=yes):
            return FAILED
        caller.client.delete_agent_user(agent_user_id)
        body = caller.body
    if json:
        output.document(body)
        return 0
    output.data(output.visible(f"{to} has forgotten {agent_user_id}."))
    return 0
