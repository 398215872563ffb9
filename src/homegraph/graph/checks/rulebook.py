"""All rules by id, in the order of their pages."""

from __future__ import annotations

from typing import Final

from homegraph.graph.checks import queries, replies
from homegraph.graph.checks.rule import Rule

RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in (*replies.RULES, *queries.RULES)}
