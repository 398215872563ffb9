"""What a rule is: one kind of mistake, and everything that is said about it whichever reply it is found in.

A rule is written once, as a constant beside the check that finds it. A finding repeats its ``why``, ``fix`` and ``source``, so that
whoever sees one needs no second page; ``what`` and the place are the finding's own.

Owns no rules and no checks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from homegraph.graph.model import Finding
from homegraph.wire.catalog import problems
from homegraph.wire.catalog.suggestions import did_you_mean

Severity: TypeAlias = Literal["refused", "ignored", "advice"]
"""What Google does: it refuses the device, the reply or the report; it takes it and ignores this; or it works, but not well."""

SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)
"""The gravest first."""

Subject: TypeAlias = Literal["SYNC", "QUERY", "EXECUTE", "report", "linking"]
"""Where a rule can be broken."""

QUOTED_MAX: Final = 100
"""Characters of a foreign text that a finding quotes."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of mistake.

    ``id`` is stable: programs compare it, pages are named by it. ``title`` is the mistake as a short sentence without a full stop.
    ``source`` says where the rule comes from. ``wrong`` is the smallest JSON that breaks it and ``right`` its mended twin, for
    the page; both are empty where the mistake is not in the bytes (slowness).
    """

    id: str
    severity: Severity
    subject: Subject
    title: str
    why: str
    fix: str
    source: str
    wrong: str = ""
    right: str = ""

    def found(
        self, what: str, *, path: str = "", device_id: str = "", fix: str = "", severity: str = ""
    ) -> Finding:
        """A finding of this rule. ``path`` is an RFC 6901 pointer; ``fix`` and ``severity`` are given where the case knows better."""
        return Finding(
            rule=self.id,
            severity=severity or self.severity,
            what=what,
            why=self.why,
            fix=fix or self.fix,
            device_id=device_id,
            path=path,
            source=self.source,
        )


def pointer(*steps: str | int) -> str:
    """An RFC 6901 pointer, e.g. ``/payload/devices/0/name`` (``~`` and ``/`` in a step are escaped)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def strangers(
    rule: Rule,
    members: Iterable[str],
    known: Collection[str],
    whose: str,
    *at: str | int,
    device_id: str = "",
) -> Iterator[Finding]:
    """Members that are none of the known ones, in their order. ``whose`` they are not is said, ``at`` is where they stand."""
    for name in members:
        if name not in known:
            what = f"{shown(name)} is no member of {whose}.{did_you_mean(name, known)}"
            yield rule.found(what, path=pointer(*at, name), device_id=device_id)


def shown(text: object) -> str:
    """A foreign value as a finding quotes it: cut; text with quotes, everything else as JSON."""
    if not isinstance(text, str):
        return problems.shown(text)
    quoted = repr(text)
    return quoted if len(quoted) <= QUOTED_MAX else f"{quoted[:QUOTED_MAX]}…"
