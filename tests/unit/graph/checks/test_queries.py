"""Findings about QUERY."""

from homegraph.graph.checks.queries import first_query_failed


def test_a_first_query_without_an_answer_is_told_with_its_reason():
    """The finding carries the sentence of the failure."""
    finding = first_query_failed("The fulfillment answered HTTP 500.")
    assert finding.rule == "first-query-failed"
    assert finding.severity == "advice"
    assert finding.what.endswith("The fulfillment answered HTTP 500.")
