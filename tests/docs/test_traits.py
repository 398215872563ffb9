"""The pages of traits and device types: what the catalog says, with the findings that can be about each."""

from pathlib import Path

import pytest

from homegraph.cli.traits_reference import KINDS_OF_RULE, findings_of, pages
from homegraph.graph.checks.rulebook import RULES
from homegraph.wire.catalog.book import builtin
from homegraph.wire.catalog.rules import CHECKS
from support.catalog_reference import TRAITS

FOLDER = Path(__file__).parents[2] / "docs/reference/traits"


def test_the_pages_are_what_the_catalog_says():
    """When this fails, make the pages anew: their first line says how."""
    assert {file.name: file.read_text() for file in FOLDER.glob("*")} == pages()


@pytest.mark.parametrize("trait", TRAITS.values(), ids=lambda one: one["short"])
def test_every_name_of_a_trait_is_on_its_page(trait):
    """Attributes, states, commands with parameters and errors, notifications; read from the file of facts."""
    page = pages()[f"{trait['short']}.md"]
    fields = [*trait["attributes"], *trait["states"]]
    for command in trait["commands"]:
        assert f"`{command['name']}`" in page
        assert all(f"`{code}`" in page for code in command["errors"])
        fields += [*command["params"], *command["results"]]
    for notification in trait["notifications"]:
        fields += notification["fields"]

    assert trait["summary"] in page
    assert all(f"| `{field['name']}` |" in page for field in fields)


def test_every_type_is_on_the_page_of_types():
    """With a link to each of its traits."""
    page = pages()["device-types.md"]
    for one in builtin().types.values():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{one.name}` |")]
        assert all(f"({name.rpartition('.')[2]}.md)" in line for name in one.required_traits)


def test_findings_of_a_trait():
    """Those that its fields and rules can lead to, and no others."""
    dock = findings_of(builtin().traits["action.devices.traits.Dock"])

    assert dock == ["attribute-unknown", "state-missing", "state-type", "state-unknown"]
    assert KINDS_OF_RULE.keys() == CHECKS.keys()
    for trait in builtin().traits.values():
        assert set(findings_of(trait)) <= set(RULES)


def test_where_google_demands_a_challenge():
    """A lock that unlocks without a PIN is not certified; the page of the trait says so, and for which types."""
    told = {
        trait.short: pages()[f"{trait.short}.md"]
        for trait in builtin().traits.values()
        if trait.two_factor.certification
    }

    assert len(told) == 8
    assert "* `pinNeeded` on every type: unlocking." in told["LockUnlock"]
    assert "* `pinNeeded` on `DOOR`, `GARAGE`, `GATE`, `WINDOW`: " in told["OpenClose"]
    assert "* `ackNeeded` on `AC_UNIT`: integration serves Japan." in told["TemperatureSetting"]


def test_codes_and_languages_have_a_place():
    """Who is told that a code is not on the list finds the list, and no page leads into the catalog's own file."""
    codes = pages()["error-codes.md"]
    assert all(f"`{code}`" in codes for code in builtin().error_codes)
    assert all(f"`{code}`" in pages()["README.md"] for code in builtin().common.languages.values)
    assert not [name for name, page in pages().items() if "common." in page]
