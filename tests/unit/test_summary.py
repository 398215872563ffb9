"""The line at the end of ``make test``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PASSED = '<testcase classname="a" name="good"/>'
FAILED = '<testcase classname="a" name="bad"><failure message="no"/></testcase>'
BROKEN = '<testcase classname="a" name="good"><error message="its clean-up failed"/></testcase>'
SKIPPED = '<testcase classname="a" name="off"><skipped message="no node here"/></testcase>'


def summary(folder: Path, **suites: str) -> tuple[int, list[str]]:
    """Write junit files as pytest does, and run the command on them."""
    for name, cases in suites.items():
        text = f'<testsuites><testsuite name="pytest">{cases}</testsuite></testsuites>'
        (folder / f"{name}.xml").write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.summary", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout.splitlines()


def test_suites_are_counted_together(tmp_path):
    """One line for all suites; the same name in two suites is two tests; what was skipped is named."""
    code, lines = summary(tmp_path, one=PASSED, two=PASSED + SKIPPED)

    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 1 skipped")
    assert "off: no node here" in lines[0]


@pytest.mark.parametrize("bad", [FAILED, PASSED + BROKEN, BROKEN + PASSED])
def test_a_failure_fails(tmp_path, bad):
    """A failed test, or one whose clean-up failed, ends it with 1; it is counted once."""
    code, lines = summary(tmp_path, one='<testcase classname="b" name="good"/>', two=bad)

    assert (code, lines) == (1, ["1 passed, 1 failed, 0 skipped"])


@pytest.mark.parametrize("suites", [{}, {"one": ""}, {"one": SKIPPED}])
def test_nothing_is_no_success(tmp_path, suites):
    """No file, no test, or nothing but skipped ones: 1."""
    code, lines = summary(tmp_path, **suites)

    assert code == 1
    assert lines[-1].startswith("0 passed")
