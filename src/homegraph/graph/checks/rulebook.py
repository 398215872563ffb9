"""All rules by id, in the order of their pages: answers as such, SYNC, devices, traits, QUERY, EXECUTE, reports, tokens."""

from __future__ import annotations

from typing import Final

from homegraph.graph.checks import (
    device_rules,
    differences,
    envelopes,
    executes,
    queries,
    replies,
    reports,
    syncs,
    tokens,
    traits,
)
from homegraph.graph.checks.rule import Rule

RULES: Final[dict[str, Rule]] = {
    rule.id: rule
    for module in (
        envelopes,
        syncs,
        replies,
        device_rules,
        differences,
        traits,
        queries,
        executes,
        reports,
        tokens,
    )
    for rule in module.RULES
}
