"""Letting through what the shrink guard has held: an operator says that these devices are meant to go.

A held list is not kept, it is asked for again: accepting a run requests a sync, cause ``operator``, and that run lets go exactly the devices
which the held one would have removed. If the list has changed in the meantime, it is held again. So nothing is let through that nobody
has seen, and a crash in between loses nothing but the permission.
"""

from __future__ import annotations

from homegraph.errors import AdminRefused, NotFound
from homegraph.graph.model import Cause, Mode, Outcome, Run, Target
from homegraph.service.events import SyncRequested
from homegraph.service.house import House
from homegraph.service.questions import WhichRun
from homegraph.service.views import runs as views
from homegraph.store.port import Store


async def accept_run(house: House, asked: WhichRun) -> views.RunView:
    """Let a held run's change through. Returns the held run; the one that carries it out follows at once.

    Raises:
        NotFound: there is no such run, or its agent user is not linked any more.
        AdminRefused: the run is not held, or a newer one has looked at the list since.
    """
    found = await house.store.find_run(asked.id)
    if found is None:
        raise NotFound(f"There is no run {asked.id!r}; old ones are not kept.")
    run, _ = found
    if run.outcome is not Outcome.HELD:
        raise AdminRefused(
            f"Run {run.id} is not held, it is {run.outcome}.",
            hint="`homegraph runs list` shows which runs are held.",
        )
    newest = await newest_run(house.store, run.target)
    if newest is not None and newest.id != run.id:
        raise AdminRefused(
            f"Run {newest.id} has looked at the list since.",
            hint=f"Look at `homegraph runs show {newest.id}`; accept that one if it is held, too.",
        )
    admitted = await house.store.request_sync(
        run.target,
        Mode.ASYNC,
        Cause.OPERATOR,
        house.clock.now(),
        worker=house.runs.worker,
        lease_seconds=house.settings.lease_seconds,
    )
    if admitted is None:
        raise NotFound(f"{run.target.agent_user_id} is not linked any more.")
    house.events.announce(SyncRequested(run.target, Mode.ASYNC, Cause.OPERATOR, merged=False))
    house.runs.changed.set()
    return views.run_view(run)


async def newest_run(store: Store, target: Target) -> Run | None:
    """The newest run of an agent user."""
    runs = await store.runs(target.project_id, target.agent_user_id, limit=1)
    return runs[0] if runs else None
