"""How an error is shown, and the exit code it ends the command with.

Three lines for people: what happened, why, what to do; then a link. One JSON object on stderr's last line for programs that
asked for ``--json``. The sentences are those of ``wire.reasons`` wherever a reason is known, so that terminal, browser and
API explain a mistake with the same words; the numbers are those of ``wire.status.exit_code``.

An error that is not of our family is a bug. It is shown as one sentence with exit code 70: its own text may hold anything,
and a traceback helps nobody who did not write it. HOMEGRAPH_DEBUG=1 prints the traceback.

The rule that is easily broken: nothing here may raise. ``explain`` is a pure function of the error and has no other input.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typer.exceptions import TyperException

from homegraph.cli import output
from homegraph.errors import ApiError, HomegraphError
from homegraph.wire.reasons import REASONS, Reason
from homegraph.wire.status import ROWS, Exit, exit_code

__all__ = ["DEBUG_VARIABLE", "Failure", "explain", "lines", "report"]

DEBUG_VARIABLE: Final = "HOMEGRAPH_DEBUG"

FAILED: Final = int(Exit.FAILED)
"""It ran, and failed."""

FIELDS_MAX: Final = 10
"""Wrong fields that are shown; who has made more mistakes corrects these first."""

REASONS_MAX: Final = 4
"""Reasons that are shown. More would be a list, not a hint."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, ready to be shown.

    ``others`` are less likely reasons; ``fields`` are the parts of the request that are wrong, each with a sentence; ``links``
    lead to pages about it.
    """

    code: str
    what: str
    why: str
    fix: str
    exit: int
    others: tuple[Reason, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    links: tuple[str, ...] = ()
    http_status: int = 0
    status: str = ""
    retryable: bool = False


def explain(error: BaseException) -> Failure:
    """Say what an error means."""
    if isinstance(error, ApiError):
        return _api(error)
    if isinstance(error, HomegraphError):
        known = REASONS.get(error.code)
        why = known.why if known is not None else ""
        return Failure(error.code, error.message, why, error.hint, exit_code(error))
    if isinstance(error, TyperException):
        return _usage(error)
    if isinstance(error, output.OutputFailed):
        told = f"The result cannot be written: {error}."
        return Failure("OUTPUT", told, "", error.hint, Exit.FAILED)
    return Failure(
        "BUG",
        f"homegraph has failed in a way that it should not ({type(error).__name__}).",
        "This is a bug in homegraph, not in what you did.",
        f"Please report it; {DEBUG_VARIABLE}=1 shows where it happened.",
        Exit.BUG,
    )


def lines(failure: Failure) -> list[str]:
    """A failure as text: what, why, what to do, then other possible reasons and links."""
    answered = f" ({failure.http_status} {failure.status})" if failure.http_status else ""
    told = [("error", failure.what + answered)]
    told += [("where", f"{field}: {description}") for field, description in failure.fields]
    told += [("why", failure.why), ("fix", failure.fix)]
    told += [("or", f"{one.title} ({one.code})\n{one.fix}") for one in failure.others]
    told += [("see", link) for link in failure.links]
    shown: list[str] = []
    for name, text in told:
        for number, line in enumerate(text.splitlines()):
            # A message may have several lines: settings name all their mistakes at once.
            shown.append(f"{'' if number else f'{name}:':<7}{output.visible(line)}")
    return shown


def report(error: BaseException, *, as_json: bool) -> int:
    """Show an error on stderr; returns the exit code."""
    failure = explain(error)
    if os.environ.get(DEBUG_VARIABLE) == "1" and not isinstance(error, TyperException):
        traceback.print_exception(error, file=sys.stderr)
    show(failure, as_json=as_json)
    return failure.exit


def show(failure: Failure, *, as_json: bool) -> None:
    """Write a failure to stderr."""
    if not as_json:
        output.note("\n".join(lines(failure)))
        return
    members: dict[str, Any] = {
        "code": failure.code,
        "message": failure.what,
        "why": failure.why,
        "fix": failure.fix,
        "exit": failure.exit,
        "http_status": failure.http_status,
        "status": failure.status,
        "retryable": failure.retryable,
        "other_reasons": [
            {"code": other.code, "title": other.title, "why": other.why, "fix": other.fix}
            for other in failure.others
        ],
        "fields": [{"field": field, "description": text} for field, text in failure.fields],
        "links": list(failure.links),
    }
    output.note(json.dumps({"error": members}))


def _api(error: ApiError) -> Failure:
    """An error of an API: the reasons that the answer names, most likely first; else what its sentence may mean."""
    links = _links(error.details)
    told = _reasons(error, links)
    certain = bool(told)
    if not certain:
        told = _candidates(error)
    first = told[0] if told else None
    why = ""
    if first is not None:
        # The admin API's own sentence is often the title: it is not said twice.
        why = first.why if error.message == first.title else f"{first.title} {first.why}"
    if first is not None and not certain:
        why = f"The answer does not say. Most likely: {why}"
    return Failure(
        code=error.code,
        what=error.message,
        why=why,
        fix=_fix(error, first),
        exit=exit_code(error),
        others=tuple(told[1:REASONS_MAX]),
        fields=error.wrong_fields[:FIELDS_MAX],
        links=tuple(links.values()),
        http_status=error.http_status,
        status=error.status,
        retryable=error.retryable,
    )


def _fix(error: ApiError, first: Reason | None) -> str:
    """What to do. The public API's hint repeats the reason's title first, which is told already."""
    if first is None:
        return error.hint
    return error.hint.removeprefix(first.title).strip() or first.fix


def _reasons(error: ApiError, links: Mapping[str, str]) -> list[Reason]:
    """The reasons that the answer names. The first is its ErrorInfo; all of them, ranked, are the pages of its Help."""
    return [REASONS[code] for code in dict.fromkeys((error.reason, *links)) if code in REASONS]


def _candidates(error: ApiError) -> list[Reason]:
    """What the sentence may mean, where a Home Graph gives nothing but Google's sentence."""
    rows = {row.id for row in ROWS.values() if row.message == error.message}
    return [reason for reason in REASONS.values() if reason.row in rows]


def _links(details: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The addresses in google.rpc.Help by their last segment, which is the reason's code if the page is one of ours."""
    found: dict[str, str] = {}
    for detail in details:
        links = detail.get("links")
        for link in links if isinstance(links, list) else ():
            url = link.get("url") if isinstance(link, dict) else None
            if isinstance(url, str) and url.startswith(("http://", "https://")):
                found[url.rpartition("/")[2]] = url
    return found


def _usage(error: TyperException) -> Failure:
    """Wrong usage. Typer's error knows the command it belongs to."""
    context = getattr(error, "ctx", None)
    command = "homegraph" if context is None else str(context.command_path)
    usage = "" if context is None else " ".join(str(context.get_usage()).split())
    return Failure(
        "USAGE",
        error.format_message(),
        usage,
        f"`{command} --help` explains the command.",
        Exit.USAGE,
    )
