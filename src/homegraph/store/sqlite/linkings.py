"""Linkings: accounts that users are about to link, from the state that goes out to the grant that comes in."""

from __future__ import annotations

from collections.abc import Sequence

from homegraph.errors import LinkingRefused
from homegraph.graph import linking
from homegraph.graph.linking import Linking, LinkingStep
from homegraph.graph.model import Instant, Link, Tokens
from homegraph.store.linking_rows import (
    LINKINGS_KEPT_SECONDS,
    LINKINGS_MAX,
    linking_of,
    row_of_changed_linking,
    row_of_linking,
)
from homegraph.store.refusals import no_project, too_many_linkings
from homegraph.store.sqlite import links, work
from homegraph.store.sqlite.database import Database


def start(db: Database, begun: Linking, now: Instant) -> None:
    """``Store.start_linking``."""
    if db.row("find_project", begun.project_id) is None:
        raise no_project(begun.project_id)
    db.run("delete_linkings", begun.project_id, now - LINKINGS_KEPT_SECONDS)
    is_full = db.value("count_linkings", begun.project_id) >= LINKINGS_MAX
    if is_full and not db.run("delete_oldest_linking", begun.project_id, now):
        raise too_many_linkings(begun.project_id, LINKINGS_MAX)
    db.run("insert_linking", *row_of_linking(begun))


def find(db: Database, project_id: str, linking_id: str) -> Linking | None:
    """``Store.find_linking``."""
    row = db.row("find_linking", project_id, linking_id)
    return linking_of(row) if row else None


def of_user(db: Database, project_id: str, user_id: str, limit: int) -> list[Linking]:
    """``Store.linkings``."""
    return list(map(linking_of, db.rows("list_linkings", project_id, user_id, limit)))


def use(
    db: Database, project_id: str, linking_id: str, now: Instant, steps: Sequence[LinkingStep]
) -> Linking:
    """``Store.use_linking``."""
    found = find(db, project_id, linking_id)
    if found is None:
        raise LinkingRefused("LINKING_USED")
    used = linking.used(found, now, steps)
    _save(db, used)
    return used


def end(
    db: Database,
    project_id: str,
    linking_id: str,
    outcome: str,
    steps: Sequence[LinkingStep] = (),
) -> None:
    """``Store.end_linking``."""
    found = find(db, project_id, linking_id)
    if found is not None:
        _save(db, linking.ended(found, outcome, steps))


def note(db: Database, project_id: str, linking_id: str, step: LinkingStep) -> None:
    """``Store.note_linking``."""
    found = find(db, project_id, linking_id)
    if found is not None:
        _save(db, linking.noted(found, [step]))


def grant(
    db: Database, used: Linking, tokens: Tokens, now: Instant, steps: Sequence[LinkingStep]
) -> tuple[Link, int]:
    """``Store.grant``."""
    link = linking.granted(
        links.find_link(db, used.project_id, used.user_id),
        project_id=used.project_id,
        user_id=used.user_id,
        tokens=tokens,
        origin=linking.BY_USER,
        now=now,
    )
    links.begin(db, link, now)
    db.run("delete_unlinking", link.project_id, link.user_id)
    end(db, used.project_id, used.id, linking.GRANTED, steps)
    return link, work.generation(db, link.target)


def _save(db: Database, changed: Linking) -> None:
    db.run("save_linking", *row_of_changed_linking(changed))


def recover(db: Database) -> None:
    """A linking whose process died between the browser's return and the grant will not be granted any more."""
    db.run("interrupt_linkings", "LINKING_INTERRUPTED")
