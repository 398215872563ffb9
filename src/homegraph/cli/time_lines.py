"""Runs and errands as time lines: ``-->`` what the Home Graph sent, ``<--`` what came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from homegraph.cli import documents, output

NAMES_MAX: Final = 5
"""Device ids that are named in a line; the others are counted."""

BODY_CHARS_MAX: Final = 1_000
BODY_LINES_MAX: Final = 15
"""Of an answer that is shown. All that is kept of it is in the JSON."""

WHERE_MORE_IS: Final = "`homegraph runs show {}` has what was sent and what came."
"""Of an errand, by its id."""

SHOWN_HEADERS: Final = ("content-type", "location")
"""What tells a page, or a redirect to one, from an answer."""

SUCCESSES: Final = range(200, 300)

INDENT: Final = " " * 10
"""The width of the time column with its gap."""


def run_lines(run: documents.Run) -> Iterator[str]:
    """A run as lines of text."""
    whom = run.agent_user_id or f"{run.user_id} (first SYNC)"
    yield f"run {run.id}   {run.project_id} / {whom}   {output.local(run.requested_at)}"
    merged = f", {run.merged} requests merged" if run.merged > 1 else ""
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    yield f"{output.clock_time(run.requested_at)}  asked  {run.cause}, {run.mode}{merged}{attempt}"
    is_shown = bool(run.reason) and not _quote(run.findings)
    for exchange in run.exchanges:
        yield from _exchange(exchange, is_shown=is_shown)
    yield f"{output.clock_time(run.finished_at)}  {run.outcome}   {_changes(run)}"
    for change in run.changes.changed:
        yield f"{INDENT}~ {change.device_id}: {', '.join(change.fields)}"
    if run.changes.held:
        yield f"{INDENT}held back:{_named(run.changes.held)}"
    yield from _problems(run)


def _exchange(exchange: documents.Exchange, *, is_shown: bool) -> Iterator[str]:
    # "action.devices.SYNC" is known as SYNC to everybody.
    intent = exchange.intent.rpartition(".")[2]
    at = output.clock_time(exchange.started_at)
    yield f"{at}  --> {intent:<6} {exchange.user_id}   {exchange.url}"
    took = f"{exchange.took * 1000:.0f} ms"
    if not exchange.status:
        yield f"{INDENT}<-- no answer after {took}   {exchange.error}"
        return
    answer = exchange.response
    size = "" if answer is None else f"{answer.size:,} bytes, "
    cut = "" if answer is None or not answer.truncated else ", kept in part"
    yield f"{INDENT}<-- {exchange.status:<6} {size}{took}{cut}   {exchange.error}"
    if answer is not None and (is_shown or exchange.status not in SUCCESSES):
        yield from answer_lines(answer)


def _quote(findings: Iterable[documents.Finding]) -> bool:
    """Whether findings say what is wrong with devices: they quote it. Otherwise an answer must speak for itself."""
    return any(finding.device_id for finding in findings)


def answer_lines(answer: documents.Answer) -> Iterator[str]:
    """What an answer says, as far as it fits on a screen."""
    for name in SHOWN_HEADERS:
        if name in answer.headers:
            yield f"{INDENT}    {name}: {answer.headers[name][:BODY_CHARS_MAX]}"
    lines = [line for line in answer.body[:BODY_CHARS_MAX].splitlines() if line.strip()]
    cut = answer.truncated or len(answer.body) > BODY_CHARS_MAX or len(lines) > BODY_LINES_MAX
    for line in lines[:BODY_LINES_MAX]:
        yield f"{INDENT}    {line}"
    if cut:
        yield f"{INDENT}    …"


def _changes(run: documents.Run) -> str:
    changes = run.changes
    return (
        f"+{run.added} added{_named(changes.added)}  ~{run.changed} changed  "
        f"-{run.removed} removed{_named(changes.removed)}"
    )


def named(ids: tuple[str, ...]) -> str:
    """Some ids, and how many more there are."""
    more = f", and {len(ids) - NAMES_MAX} more" if len(ids) > NAMES_MAX else ""
    return f"{', '.join(ids[:NAMES_MAX])}{more}"


def _named(ids: tuple[str, ...]) -> str:
    return f" ({named(ids)})" if ids else ""


def _problems(run: documents.Run) -> Iterator[str]:
    if run.reason or run.message:
        yield f"{INDENT}{run.reason}: {run.message}"
    for line in explanation_lines(run.explanation):
        yield f"{INDENT}{line}"
    if run.next_at:
        yield f"{INDENT}next attempt {output.local(run.next_at)}"
    for result in run.results:
        if result.error and len(run.results) > 1:  # of a single link the run's own message tells
            yield f"{INDENT}link of {result.user_id}: {result.error}: {result.message}"
    for line in finding_lines(run.findings):
        yield f"{INDENT}{line}"


def errand_lines(errand: documents.Errand) -> Iterator[str]:
    """An errand as lines of text."""
    where = f"{errand.project_id} / {errand.agent_user_id}"
    yield f"errand {errand.id}   {where}   {output.local(errand.started_at)}"
    params = "".join(f" {name}={output.value(value)}" for name, value in errand.params.items())
    what = f"{errand.intent} {errand.command.rpartition('.')[2]}{params}".strip()
    yield f"{output.clock_time(errand.started_at)}  asked  {what}"
    is_shown = errand.finished_at is not None and not errand.ok and not _quote(errand.findings)
    for exchange in errand.exchanges:
        yield from _exchange(exchange, is_shown=is_shown)
    yield f"{output.clock_time(errand.finished_at)}  {outcome(errand)}"
    for device in errand.devices:
        yield f"{INDENT}{device.id}: {device.status or '-'}   {detail(device)}"
        for name in device.differs:
            told, kept = device.states.get(name), device.stored.get(name)
            yield f"{INDENT}  {name}: answered {output.value(told)}, stored {output.value(kept)}"
    for line in (*follow_up_lines(errand.follow_ups), *explanation_lines(errand.explanation)):
        yield f"{INDENT}{line}"
    for line in finding_lines(errand.findings):
        yield f"{INDENT}{line}"


def outcome(errand: documents.Errand) -> str:
    """How an errand ended, in a word or two."""
    if errand.finished_at is None:
        return "not over, or its server died"
    return "done" if errand.ok else errand.reason or "failed"


def detail(device: documents.DeviceResult) -> str:
    """What is worth knowing of a device's result, in one line."""
    if device.reason:
        return f"{device.reason}: {device.message}"
    if refused := device.challenge or device.error_code:
        return refused
    states = ", ".join(f"{name}={output.value(value)}" for name, value in device.states.items())
    return "; ".join(filter(None, (device.exception_code or device.debug, states))) or "-"


def follow_up_lines(follow_ups: Iterable[documents.FollowUp]) -> Iterator[str]:
    """What was told later, a line for each device."""
    for one in follow_ups:
        if one.answered_at is None:
            yield f"{one.device_id}: no follow-up yet"
            continue
        rest = ", ".join(
            f"{name}={output.value(value)}"
            for name, value in one.response.items()
            if name != "status"
        )
        late = " (late)" if one.late else ""
        at = output.clock_time(one.answered_at)
        yield f"{one.device_id}: follow-up {one.status or '-'} at {at}{late}   {rest}".rstrip()


def explanation_lines(explanation: documents.Explanation | None) -> Iterator[str]:
    """A reason in words."""
    if explanation is not None:
        yield f"why: {explanation.title} {explanation.why}"
        yield f"fix: {explanation.fix}"


def finding_lines(findings: Iterable[documents.Finding]) -> Iterator[str]:
    """Findings, two lines each."""
    for finding in findings:
        place = " ".join(part for part in (finding.device_id, finding.path) if part)
        yield f"{finding.severity} {finding.rule} {place}: {finding.what}"
        yield f"  {finding.why} {finding.fix}"
