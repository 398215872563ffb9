"""The page about service accounts: its lines for a shell fetch a token that the API takes."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from homegraph.settings.projects import ProjectSettings
from support.served import Served, settings_in

PAGE = (Path(__file__).parents[2] / "docs/howto/service-accounts.md").read_text()
(LINES,) = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
TOOLS = ("bash", "openssl", "jq", "curl")


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {', '.join(TOOLS)}"
)
def test_a_token_that_was_fetched_by_hand(tmp_path):
    """As it stands, beside a key file of the server."""
    project = ProjectSettings(id="acme", fulfillment_url="http://127.0.0.1:9/smarthome")
    with Served(settings_in(tmp_path, project)) as served:
        made = served.admin("POST", "service-accounts", project="acme").json
        (tmp_path / "key.json").write_text(json.dumps(made["key_file"]))
        token = subprocess.check_output(
            ["bash", "-euc", f'{LINES}printf %s "$TOKEN"'], cwd=tmp_path, text=True
        )
        answer = served.send(
            "POST",
            "/v1/devices:sync",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            body=b'{"agentUserId": "user-1"}',
        )

    assert (answer.status, answer.reason) == (404, "AGENT_USER_NEVER_LINKED")
