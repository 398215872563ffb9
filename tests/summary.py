"""One line about all suites: reads the junit files that the make targets wrote, and says how many tests passed.

Run as ``python -m tests.summary DIR``. Exit code 1 when a test failed, and when there is nothing to count: a run that tried
nothing is no success. Skipped tests are named, so that nobody takes a skipped proof for one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

FAILED = frozenset({"failure", "error"})


def outcome(case: ET.Element) -> str:
    """How one test ended: passed, failed or skipped."""
    ends = {child.tag for child in case}
    if ends & FAILED:
        return "failed"
    return "skipped" if "skipped" in ends else "passed"


def read(files: Iterable[Path]) -> tuple[Counter[str], list[str]]:
    """Count outcomes over all files; and the skipped tests with their reasons.

    A test whose clean-up failed stands twice in a file; it has failed once.
    """
    ends: dict[tuple[str, str, str], str] = {}
    reasons: dict[tuple[str, str, str], str] = {}
    for file in files:
        for case in ET.parse(file).iter("testcase"):
            name = (file.stem, case.get("classname", ""), case.get("name", ""))
            end = outcome(case)
            if ends.get(name) != "failed":
                ends[name] = end
            skipped = case.find("skipped")
            if skipped is not None:
                reasons[name] = f"{name[2]}: {skipped.get('message', '')}"
    return Counter(ends.values()), list(reasons.values())


def main(arguments: Sequence[str]) -> int:
    """Print the line; returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tests.summary DIR\n")
        return 2
    counts, skipped = read(sorted(Path(arguments[0]).glob("*.xml")))
    for reason in skipped:
        sys.stdout.write(f"skipped {reason}\n")
    line = ", ".join(f"{counts[end]} {end}" for end in ("passed", "failed", "skipped"))
    sys.stdout.write(f"{line}\n")
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
