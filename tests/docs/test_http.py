"""The reference of HTTP: what it says about routes, bounds and settings is what the code does.

The calls of the admin API are held against real answers in tests/integration/test_admin.py.
"""

import re
from pathlib import Path

import pytest

from homegraph.service import administration
from homegraph.store.copies import CALL_BYTES_MAX
from homegraph.web.admin import BODY_BYTES_MAX
from homegraph.web.exchange import BODY_SECONDS_MAX
from homegraph.web.ops import described, ops_router
from homegraph.wire.api_v1 import METHODS
from homegraph.wire.parameters import _SYSTEM_NAMES, XGAFV
from homegraph.wire.status import REASONS

REFERENCE = Path(__file__).parents[2] / "docs/reference"
PAGE = (REFERENCE / "http.md").read_text()
WORDS = " ".join(PAGE.split())


def test_the_call_has_a_heading():
    """With its HTTP method and path."""
    for method in METHODS.values():
        assert f"### `{method.http} {method.path}" in PAGE


def test_every_page_has_a_line():
    """Each route of the router, and the twin for programs with its members."""
    for route in ops_router(None).routes:
        assert f"| `GET {route.path.replace('{code}', 'CODE')}` |" in PAGE
    members = ", ".join(f"`{name}`" for name in described(REASONS["INTERNAL"]))
    assert f"| `GET /errors/CODE.json` | the same for programs: {members} |" in PAGE


def test_every_system_parameter_is_named():
    """Those that say how to answer, and those that carry a credential."""
    for name in (*_SYSTEM_NAMES, XGAFV):
        assert f"`{name}`" in PAGE or f"?{name}=" in PAGE


@pytest.mark.parametrize(
    "sentence",
    [
        f"and {BODY_SECONDS_MAX:.0f} s to arrive",
        f"a JSON object of at most {BODY_BYTES_MAX // 1024} KiB (an import {CALL_BYTES_MAX >> 20} MiB)",
        f"`limit` (at most {administration.LINKS_SHOWN_MAX:,}, which is the default)",
        f"`limit` (100, at most {administration.RUNS_SHOWN_MAX:,})",
        f"`nicknames` (at most {administration.NICKNAMES_MAX})",
        f"each of at most {administration.NAME_CHARS_MAX} characters",
    ],
)
def test_bounds_are_those_of_the_code(sentence):
    """Every number on the page is a constant."""
    assert sentence in WORDS


def test_links_lead_somewhere():
    """Other pages exist, and have the heading that is meant."""
    for page, heading in re.findall(r"\]\(([a-z-]+\.md)(?:#([a-z0-9_]+))?\)", PAGE):
        text = (REFERENCE / page).read_text()
        assert not heading or f"### `{heading}`\n" in text
