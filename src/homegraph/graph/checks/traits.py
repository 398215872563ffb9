"""What the catalog finds wrong, as findings: a rule for each kind of problem and each object that it is found in.

The problems themselves, their places and the sentence about each come from ``wire.catalog``; here is what is said about their kind
in general. Problems of parameters are not here: we send those, and refuse to send what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from homegraph.graph.checks.rule import Rule, Severity, Subject, pointer
from homegraph.graph.model import Finding
from homegraph.wire.catalog.problems import Kind, Place, Problem

SOURCE: Final = "the traits' published schema and pages"


def trait_findings(
    problems: Iterable[Problem], *at: str | int, device_id: str = ""
) -> Iterator[Finding]:
    """Problems as findings; ``at`` is the way from the whole answer to the object that was checked."""
    for problem in problems:
        yield BY_PROBLEM[problem.place, problem.kind].found(
            _sentence(problem),
            path=pointer(*at, *problem.path),
            device_id=device_id,
            severity=problem.severity,
        )


def _sentence(problem: Problem) -> str:
    short = problem.trait.rpartition(".")[2]
    return f"{short}: {problem.what}" if short else problem.what


_NOUNS: Final[Mapping[Place, tuple[str, Subject]]] = {
    Place.ATTRIBUTE: ("attribute", "SYNC"),
    Place.STATE: ("state", "QUERY"),
    Place.RESULT: ("result", "EXECUTE"),
    Place.NOTIFICATION: ("notification", "report"),
}

_SAID: Final[Mapping[Kind, tuple[Severity, str, str, str]]] = {
    Kind.MISSING: (
        "refused",
        "A required {noun} is missing",
        "The trait's schema requires it, in general or because of what else the device says.",
        "Add it, or leave the trait out if the device does not have the function.",
    ),
    Kind.TYPE: (
        "refused",
        "{a} {noun} has the wrong JSON type",
        "The trait's schema has another type; null is never a value, leave a member out instead.",
        "Send the type that is named; numbers and booleans without quotes.",
    ),
    Kind.ENUM: (
        "refused",
        "{a} {noun} has a word that does not exist",
        "Only the words of the trait's schema are understood, with this spelling and case.",
        "Use one of the words that are named.",
    ),
    Kind.RANGE: (
        "refused",
        "{a} {noun} is out of its range",
        "The trait's schema, or the device's own attributes, bound it.",
        "Send a value within the bounds, or widen what the attributes say.",
    ),
    Kind.SIZE: (
        "refused",
        "{a} {noun} has too few or too many entries",
        "The trait's schema bounds how many there are.",
        "Give as many as are named.",
    ),
    Kind.UNKNOWN: (
        "ignored",
        "{a} {noun} belongs to none of the device's traits",
        "Nothing reads it. Mostly it is misspelt, or its trait is not declared.",
        "Correct the spelling, declare the trait, or leave it out.",
    ),
    Kind.UNEXPECTED: (
        "ignored",
        "{a} {noun} has no place beside the others",
        "What else the device says rules it out.",
        "Leave it out, or change what contradicts it.",
    ),
    Kind.ALTERNATIVES: (
        "refused",
        "Of several {noun}s that stand for each other none or too many are given",
        "The trait's schema wants a choice between them.",
        "Give exactly what the sentence names.",
    ),
    Kind.DUPLICATE: (
        "refused",
        "A name within {a} {noun} is given twice",
        "Names tell the entries of the list apart; commands and states refer to them.",
        "Give every entry a name of its own.",
    ),
    Kind.UNLISTED: (
        "refused",
        "{a} {noun} names something that the device does not list",
        "Only what the device's attributes list can be meant.",
        "List it in the attributes, or send what is listed.",
    ),
    Kind.ORDER: (
        "refused",
        "The lower of two bounds in {a} {noun} is above the upper, or too close to it",
        "Between the two nothing is left.",
        "Exchange them, or set them further apart.",
    ),
    Kind.CONFLICT: (
        "refused",
        "{a} {noun} contradicts another one",
        "Both cannot be true of one device.",
        "Decide for one of them.",
    ),
    Kind.DEPRECATED: (
        "advice",
        "{a} {noun} has an old form",
        "It is still understood, and may not be for ever.",
        "Use the form that is named.",
    ),
}

_WHERE: Final[Mapping[Place, tuple[Kind, ...]]] = {
    Place.ATTRIBUTE: tuple(_SAID),
    Place.STATE: tuple(_SAID.keys() - {Kind.DUPLICATE, Kind.DEPRECATED, Kind.SIZE}),
    Place.RESULT: (Kind.MISSING, Kind.TYPE, Kind.ENUM, Kind.UNEXPECTED, Kind.UNLISTED),
    Place.NOTIFICATION: tuple(
        _SAID.keys() - {Kind.DUPLICATE, Kind.DEPRECATED, Kind.ORDER, Kind.CONFLICT}
    ),
}
"""Which kinds there are where, by what the catalog's rules can say."""


def _rule(place: Place, kind: Kind) -> Rule:
    severity, title, why, fix = _SAID[kind]
    noun, subject = _NOUNS[place]
    title = title.format(noun=noun, a="an" if noun[0] in "aeiou" else "a")
    return Rule(
        id=f"{place}-{kind}",
        severity=severity,
        subject=subject,
        title=title[0].upper() + title[1:],
        why=why,
        fix=fix,
        source=SOURCE,
    )


BY_PROBLEM: Final[Mapping[tuple[Place, Kind], Rule]] = {
    (place, kind): _rule(place, kind) for place, kinds in _WHERE.items() for kind in sorted(kinds)
}

RULES: Final = tuple(BY_PROBLEM.values())
