"""The reference of errors: every reason is on the page, and the example on it is one that the server writes."""

import json
import re
from pathlib import Path

import pytest

from homegraph.web.errors_reference import render_reference
from homegraph.wire.status import REASONS, Explanation, render, row_of

PAGE = (Path(__file__).parents[2] / "docs/reference/errors.md").read_text()


def test_the_page_is_what_the_tables_say():
    """When this fails, make the page anew: its first line says how."""
    assert render_reference() == PAGE


@pytest.mark.parametrize("reason", REASONS.values(), ids=list(REASONS))
def test_every_reason_has_a_section_below_its_row(reason):
    """Under its own heading stand title, why and what to do; above it the status that it is answered with."""
    before, _, rest = PAGE.partition(f"\n### `{reason.code}`\n")
    section = rest.partition("\n#")[0]
    row = row_of(reason.code)

    assert all(text in section for text in (reason.title, reason.why, reason.fix))
    assert before.rpartition("\n## ")[2].startswith(f"{row.http} {row.status} ({row.id})")


def test_the_example_is_what_a_server_writes():
    """To the byte."""
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    explain = Explanation(
        ("AGENT_USER_UNLINKED",), "http://127.0.0.1:4663/errors/", {"agentUserId": "user-1"}
    )

    assert block.encode() == render("AGENT_USER_UNLINKED", explain=explain).body
    assert json.loads(block)["error"]["code"] == 404
