"""The pages of the findings: one for every rule, as the book has it, and their examples are examples of it."""

from pathlib import Path

import pytest

from homegraph import lint
from homegraph.cli.findings_reference import pages, write
from homegraph.graph.checks.rulebook import RULES

FOLDER = Path(__file__).parents[2] / "docs/reference/findings"


def test_the_pages_are_what_the_book_says():
    """When this fails, make the pages anew: their first line says how."""
    assert {file.name: file.read_text() for file in FOLDER.glob("*")} == pages()


@pytest.mark.parametrize(
    "rule", [one for one in RULES.values() if one.wrong], ids=lambda one: one.id
)
def test_an_example_is_wrong_as_its_page_says(rule):
    """The wrong one breaks the rule, the right one does not."""
    intent = rule.subject
    assert rule.id in {one.rule for one in lint(rule.wrong, intent=intent)}
    assert not rule.right or rule.id not in {one.rule for one in lint(rule.right, intent=intent)}


def test_a_page_without_a_rule_goes(tmp_path):
    """Writing the pages leaves no old ones."""
    (tmp_path / "old.md").write_text("old")
    write(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == pages().keys()


def test_the_catalog_of_the_howto_is_one():
    """A device that keeps to the example has no finding; one that does not has."""
    page = (FOLDER.parents[1] / "howto" / "check-a-fulfillment.md").read_text()
    catalog = page.partition("```json\n")[2].partition("```")[0]

    def found(attributes):
        device = {
            "id": "iron",
            "type": "action.devices.types.IRON",
            "traits": ["action.devices.traits.Steam"],
            "name": {"name": "Iron"},
            "willReportState": True,
            "attributes": attributes,
        }
        answer = {"requestId": "1", "payload": {"agentUserId": "u", "devices": [device]}}
        return [one.rule for one in lint(answer, catalog=catalog)]

    assert found({"pressureMax": 5}) == []
    assert found({}) == ["attribute-missing"]
