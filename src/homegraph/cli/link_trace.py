"""A linking as lines of text: each step with its time, what was sent and what came, what was made of it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from homegraph.cli import documents, output
from homegraph.cli.time_lines import INDENT, answer_lines, explanation_lines, finding_lines

OK: Final = "ok"


def trace_lines(trace: documents.LinkingTrace) -> Iterator[str]:
    """One linking."""
    stage = f"{trace.stage}: {trace.reason}" if trace.reason else trace.stage
    yield (
        f"linking {trace.linking[:8]}   {trace.project_id} / {trace.user}   "
        f"{output.local(trace.started_at)}   {stage}"
    )
    for step in trace.steps:
        yield from _step(step)
    if trace.run:
        yield f"{INDENT}see `homegraph runs show {trace.run}`"
    for line in explanation_lines(trace.explanation):
        yield f"{INDENT}{line}"


def _step(step: documents.LinkingStep) -> Iterator[str]:
    yield f"{output.clock_time(step.at)}  {step.step:<9}  {step.request}"
    if (exchange := step.exchange) is not None:
        yield from _answer(exchange)
    if step.verdict != OK:
        yield f"{INDENT}{step.verdict}: {step.message}"
    for line in finding_lines(step.findings):
        yield f"{INDENT}{line}"


def _answer(exchange: documents.Exchange) -> Iterator[str]:
    took = f"{exchange.took * 1000:.0f} ms"
    answer = exchange.response
    if not exchange.status or answer is None:
        yield f"{INDENT}<-- no answer after {took}   {exchange.error}"
        return
    yield f"{INDENT}<-- {exchange.status}   {answer.size:,} bytes, {took}"
    yield from answer_lines(answer)
