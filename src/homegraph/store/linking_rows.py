"""Rows of linkings to values and back, what ``rows`` is for the rest; and how many are kept, for how long."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from homegraph.graph.linking import Linking, LinkingStep
from homegraph.store.rows import Row, json_text

LINKINGS_MAX: Final = 1_000
"""Linkings of a project that are kept, whatever became of them. For another one the oldest goes whose state has ended."""

LINKINGS_KEPT_SECONDS: Final = 7 * 86_400.0
"""How long a linking can be asked about after its state has ended. A state that has ended is refused without it."""

_steps: Final = msgspec.json.Decoder(tuple[LinkingStep, ...])


def row_of_linking(linking: Linking) -> Row:
    """A linking's row; its columns are its fields."""
    return (
        linking.id,
        linking.project_id,
        linking.user_id,
        linking.redirect_uri,
        linking.created_at,
        linking.expires_at,
        linking.sealed_verifier,
        linking.used_at,
        linking.outcome,
        json_text(linking.steps),
    )


def linking_of(row: Row) -> Linking:
    """The opposite of ``row_of_linking``."""
    return replace(Linking(*row[:-1]), steps=_steps.decode(row[-1]))


def row_of_changed_linking(linking: Linking) -> Row:
    """A linking's key, and what may change in it."""
    return (
        linking.project_id,
        linking.id,
        linking.used_at,
        linking.sealed_verifier,
        linking.outcome,
        json_text(linking.steps),
    )
