"""``homegraph lint``: name every mistake of a fulfillment's answers, without a server.

Of a file, of stdin, or of a running fulfillment: then SYNC is sent with the token that was given, and QUERY for the devices that it lists.
What is judged, and how, is ``graph.linting``; here is where the bytes come from and in which form the findings go out.

The token of a running fulfillment may be given in HOMEGRAPH_FULFILLMENT_TOKEN, where the list of processes does not show it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from homegraph.cli import lint_formats, lint_report, output
from homegraph.cli.failure import FAILED
from homegraph.cli.lint_formats import Judged
from homegraph.cli.lint_live import ask
from homegraph.cli.options import Json, command, commands
from homegraph.errors import FulfillmentError
from homegraph.graph.checks.envelopes import UNREADABLE
from homegraph.graph.linting import Answered, lint_answer
from homegraph.service.catalogs import read_catalog
from homegraph.wire.catalog.book import Catalog
from homegraph.wire.intents import read_sync_reply
from homegraph.wire.json_faults import fault_of
from homegraph.wire.json_places import Place, find_places

app = commands("Name every mistake of a fulfillment's answers.")

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of an answer; a server takes no more than half of that by default."""

STDIN: Final = "-"


class Intent(StrEnum):
    """What a document answers, for ``--intent``."""

    SYNC = "SYNC"
    QUERY = "QUERY"
    EXECUTE = "EXECUTE"
    REPORT = "report"
    LINKING = "linking"


class Form(StrEnum):
    """What the findings are written as, for ``--format``."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


@command(
    app,
    "lint",
    "homegraph lint sync-reply.json",
    "curl -s … | homegraph lint -",
    "homegraph lint query-reply.json --devices sync-reply.json --format sarif",
    "homegraph lint sync-reply.json --previous yesterday.json --catalog our-traits.json",
    "homegraph lint --url http://127.0.0.1:3000/smarthome",
)
def lint(  # noqa: PLR0913  # one argument per option
    *,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="An answer as JSON; - is stdin.")
    ] = None,
    intent: Annotated[
        Intent | None, typer.Option(help="What it answers; without it, what it looks like.")
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The SYNC answer that lists the devices, for judging states and results.",
        ),
    ] = None,
    previous: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The SYNC answer before this one: names devices that are gone and changes that come too late. Of "
            "a token endpoint, the answer before this refresh.",
        ),
    ] = None,
    catalog: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Traits, states and types of your own, as JSON."),
    ] = None,
    asked: Annotated[
        str,
        typer.Option("--command", metavar="NAME", help="What EXECUTE asked for, by its full name."),
    ] = "",
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A running fulfillment to be asked instead.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="HOMEGRAPH_FULFILLMENT_TOKEN",
            show_envvar=True,
            help="The access token that it is asked with.",
        ),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How the findings are written.")
    ] = Form.TEXT,
    json: Json = False,
) -> int:
    """Name every mistake of a fulfillment's answer, each with its line, why, and what to do.

    Exit code 1 when Google would refuse something, 0 when there is nothing but what it ignores and advice. Every rule has a page in
    the documentation.
    """
    if (file is None) is (url is None):
        raise typer.BadParameter("say what to judge: a FILE, - or --url", param_hint="FILE")
    if url is not None and not url.lower().startswith(("http://", "https://")):
        raise typer.BadParameter("begins with http:// or https://", param_hint="--url")
    known = None if catalog is None else read_catalog(catalog)
    listed = None if devices is None else _devices(devices, "--devices")
    before = None if previous is None else _previous(previous, intent)
    if url is not None:
        answers = ask(url, token or "", previous=before)
    else:
        name, body = _name(file or ""), _read(file or "")
        answers = [
            Answered(name, body, intent or "", devices=listed, command=asked, previous=before)
        ]
    judged = [_judged(answer, known) for answer in answers]
    _show(judged, Form.JSON if json else form)
    refused = any(one.severity == "refused" for answer in judged for one in answer.findings)
    return FAILED if refused else 0


def _judged(answer: Answered, catalog: Catalog | None) -> Judged:
    findings = lint_answer(answer, catalog)
    text = answer.body.decode(errors="replace")
    places = dict(find_places(text, {one.path for one in findings}))
    if any(one.rule in UNREADABLE for one in findings) and (fault := fault_of(answer.body)):
        places[""] = Place(fault.line, fault.column, fault.line, fault.column + 1)
    return Judged(answer.name, text, findings, places)


def _show(judged: Sequence[Judged], form: Form) -> None:
    match form:
        case Form.JSON:
            output.document(lint_formats.as_json([one for all_ in judged for one in all_.findings]))
        case Form.SARIF:
            output.document(lint_formats.as_sarif(judged))
        case Form.JUNIT:
            output.data(lint_formats.as_junit(judged).decode())
        case Form.TEXT:
            for answer in judged:
                for line in lint_report.report(answer):
                    output.data(line)


def _name(file: str) -> str:
    return "stdin" if file == STDIN else file


def _previous(named: str, intent: Intent | None) -> bytes:
    """The bytes of the answer before: of a token endpoint, or else to SYNC."""
    return _read(named) if intent is Intent.LINKING else _devices(named, "--previous")


def _devices(file: str, option: str) -> bytes:
    """The bytes of a file that is to be an answer to SYNC. What is wrong with its devices is not of interest here."""
    body = _read(file, option)
    try:
        read_sync_reply(body)
    except FulfillmentError as exc:
        raise typer.BadParameter(f"{file}: {exc.message}", param_hint=option) from exc
    return body


def _read(file: str, option: str = "FILE") -> bytes:
    """The bytes of a file, which must be readable and not too large to be an answer."""
    try:
        if file == STDIN:
            content = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(FILE_BYTES_MAX + 1)
    except OSError as exc:
        told = f"{file} cannot be read: {exc.strerror}."
        raise typer.BadParameter(told, param_hint=option) from exc
    if len(content) > FILE_BYTES_MAX:
        told = f"{file} has more than {FILE_BYTES_MAX // 2**20} MiB; no answer may be so large."
        raise typer.BadParameter(told, param_hint=option)
    return content
