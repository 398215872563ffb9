"""The page about watching: it has every line that the log can have."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/howto/watch.md").read_text()
WRITERS = ("service/log.py", "service/lines.py", "server/workers.py")


def test_every_event_is_on_the_page():
    """No line of the log is without a row, and no row without a line."""
    written = {
        event
        for writer in WRITERS
        for event in re.findall(
            r'"([a-z]+\.[a-z_]+)"', (ROOT / "src/homegraph" / writer).read_text()
        )
    }
    rows = re.findall(r"^\| (`[a-z]+\.[^|]*)\|", PAGE, re.MULTILINE)

    assert {event for row in rows for event in re.findall(r"`([^`]+)`", row)} == written
