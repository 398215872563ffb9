"""What the programs of this package have in common: a folder that goes with them, trouble in one line, figures in a file."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.processes import Broken

T = TypeVar("T")


def carried_out(name: str, options: argparse.Namespace, measure: Callable[[Path], T]) -> T | None:
    """What ``measure`` has found in a folder made for it below ``options.dir``, written to ``options.json`` as well.

    None when it could not be measured, which is told.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f"homegraph-{name}-", dir=options.dir) as folder:
            result = measure(Path(folder))
    except (Broken, OSError) as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return None
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return result
