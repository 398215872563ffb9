"""The corpus of findings: pairs of an answer and what must be found in it, as data.

A file of ``tests/wire/findings/corpus`` is about one subject. It has a ``base`` (an answer in which nothing is wrong) and ``cases``: each changes
the base by JSON pointers (``set``, ``drop``, ``long``: a text and how often) or replaces it (``body``), says by the same words
what the answer before it was (``previous``), and names the findings as ``[rule, path, device_id, severity]``; of the last
two what is left out is not looked at. A case without findings is the near twin of its neighbour: as close as can be, and right.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "wire" / "findings" / "corpus"


@dataclass(frozen=True)
class Case:
    """One pair. ``devices`` is the SYNC answer that states are judged by, ``previous`` the one before this one."""

    id: str
    subject: str
    body: bytes
    findings: tuple[tuple[str, ...], ...]
    devices: Any = None
    request_id: str = ""
    took: float = 0.0
    command: str = ""
    previous: bytes | None = None


def cases() -> Iterator[Case]:
    """Every pair of every file."""
    for file in sorted(FOLDER.glob("*.json")):
        document = json.loads(file.read_text())
        for one in document["cases"]:
            yield Case(
                id=f"{file.stem}: {one['case']}",
                subject=document["subject"],
                body=_body(document, one),
                findings=tuple(tuple(finding) for finding in one.get("findings", ())),
                devices=one.get("devices", document.get("devices")),
                request_id=one.get("request_id", document.get("request_id", "")),
                took=one.get("took", 0.0),
                command=one.get("command", ""),
                previous=_body(document, one["previous"]) if "previous" in one else None,
            )


def _body(document: dict[str, Any], case: dict[str, Any]) -> bytes:
    if "body" in case:
        return case["body"].encode("latin-1")
    body = copy.deepcopy(document["base"])
    for pointer in case.get("drop", ()):
        parent, last = _parent(body, pointer)
        del parent[last]
    longer = {pointer: text * times for pointer, (text, times) in case.get("long", {}).items()}
    for pointer, value in (case.get("set", {}) | longer).items():
        parent, last = _parent(body, pointer)
        if isinstance(parent, list) and last == len(parent):
            parent.append(value)
        else:
            parent[last] = value
    return json.dumps(body).encode()


def _parent(document: Any, pointer: str) -> tuple[Any, Any]:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for step in steps[:-1]:
        document = document[int(step) if isinstance(document, list) else step]
    last = steps[-1]
    if isinstance(document, list):
        return document, len(document) if last == "-" else int(last)
    return document, last
