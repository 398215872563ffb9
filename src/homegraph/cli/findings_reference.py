"""The reference pages of the findings, made from the book of rules: one page a rule, and an index.

``docs/reference/findings/`` holds what ``pages`` returns; a test compares them, so a rule cannot be added without its page. To write
them anew::

    python -m homegraph.cli.findings_reference docs/reference/findings
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from homegraph.cli.reference_pages import write_pages
from homegraph.graph.checks.rule import Rule
from homegraph.graph.checks.rulebook import RULES

MADE_BY: Final = "<!-- Made by `python -m homegraph.cli.findings_reference docs/reference/findings` from homegraph.graph.checks. -->"

_SEVERITIES: Final[Mapping[str, str]] = {
    "refused": "Google refuses the device, the answer or the call",
    "ignored": "Google takes the answer and ignores this",
    "advice": "it works, but not well, or not for long",
}

_SUBJECTS: Final[Mapping[str, str]] = {
    "SYNC": "Answers to SYNC, and answers in general",
    "QUERY": "Answers to QUERY",
    "EXECUTE": "Answers to EXECUTE",
    "report": "Calls of Report State",
    "linking": "Answers of token endpoints",
}

_HEAD: Final = """
# Findings

A finding is one observation about an answer of a fulfillment or token endpoint, or about a report: which rule it breaks, how grave that is, where it
stands (an RFC 6901 pointer), what is wrong, why, what to do, and where the rule comes from. `homegraph lint` and `homegraph.lint` find
them without a server; a running Home Graph keeps them with every run.

Ids of rules are stable: programs may compare them. The severities:

* `refused`: Google refuses the device, the answer or the call.
* `ignored`: Google takes the answer and ignores this.
* `advice`: it works, but not well, or not for long.

A finding may be milder than its rule says, where the case is less certain.
"""


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {"README.md": _index(), **{f"{rule.id}.md": _page(rule) for rule in RULES.values()}}


def _index() -> str:
    parts = [MADE_BY, _HEAD]
    for subject, heading in _SUBJECTS.items():
        rows = [rule for rule in RULES.values() if rule.subject == subject]
        parts.append(f"## {heading}\n")
        parts.append("| rule | severity | what |\n|---|---|---|")
        parts += (f"| [`{one.id}`]({one.id}.md) | {one.severity} | {one.title} |" for one in rows)
        parts.append("")
    return "\n".join(parts)


def _page(rule: Rule) -> str:
    lines = [
        MADE_BY,
        "",
        f"# `{rule.id}`",
        "",
        f"{rule.title}.",
        "",
        f"* Severity: `{rule.severity}` ({_SEVERITIES[rule.severity]})",
        f"* Why: {rule.why}",
        f"* Do: {rule.fix}",
        f"* Source: {rule.source}",
        "",
    ]
    for heading, example in (("Wrong", rule.wrong), ("Right", rule.right)):
        if example:
            shown = msgspec.json.format(example, indent=2)
            lines += [f"{heading}:", "", "```json", shown, "```", ""]
    lines.append("[All findings](README.md)\n")
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Make the folder what ``pages`` says: pages of rules that are gone go, too."""
    write_pages(folder, pages())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
