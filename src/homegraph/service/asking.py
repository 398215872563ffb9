"""The SYNCs of one run: every link that can be asked is, each answer is read as far as it has to be, and the conclusion drawn.

What has not changed is not read: a reply that is the last one letter by letter neither itself nor beside what is stored, of another one
the devices whose bytes are new (``graph.applying``).

Owns no lease and writes nothing; what becomes of a conclusion is ``service.runs``'.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from homegraph.errors import HomegraphError
from homegraph.graph import applying
from homegraph.graph.applying import Comparison, Known
from homegraph.graph.checks.replies import check_reply, check_time
from homegraph.graph.concluding import Answer, Conclusion, conclude
from homegraph.graph.effects import BindLink
from homegraph.graph.judging import judge
from homegraph.graph.model import (
    Cause,
    HeldDevice,
    Link,
    LinkState,
    Outcome,
    Project,
    Target,
)
from homegraph.graph.policy import Policy
from homegraph.service.beside import AT_ONCE_MAX_BYTES, in_thread
from homegraph.service.catalogs import catalog_of, judged_by
from homegraph.service.events import tell_of_bug
from homegraph.service.first_query import first_states
from homegraph.service.outbound import Heard, Outbound
from homegraph.store.port import Claim, Store
from homegraph.wire.intents import SyncReply, read_sync_reply

LINKS_AT_ONCE_MAX: Final = 16
"""SYNCs of one run that are under way together; a household has a handful of links."""

READ_AT_ONCE_MAX_BYTES: Final = 1024 * 1024
"""A reply up to this is taken apart on the loop: three milliseconds for the devices of a large house, sixty at the very worst."""

# By names of their own for the reason that ``graph.syncing`` gives.
_BROKEN: Final = LinkState.BROKEN
_LINK: Final = Cause.LINK
_OPERATOR: Final = Cause.OPERATOR


class Asking:
    """Asks the links of runs."""

    def __init__(self, store: Store, outbound: Outbound) -> None:
        self._store = store
        self._outbound = outbound

    async def ask(self, project: Project, claim: Claim) -> tuple[list[Heard], Conclusion]:
        """Send SYNC for every link that can be asked, and conclude. Raises StoreError."""
        links = [link for link in claim.links if link.state is not _BROKEN]
        # Nearly every agent user has one link: then nobody else is asked meanwhile, and neither task nor place is needed.
        if len(links) == 1:
            pairs = [await self._ask(project, claim, links[0])]
        else:
            pairs = await self._ask_together(project, claim, links)
        heard = [heard for heard, _ in pairs]
        answers = [answer for _, answer in pairs]
        conclusion = conclude(
            claim.lease.target,
            answers,
            policy=project.policy,
            accepted=await self._accepted(claim),
            by_grant=claim.work.run_cause is _LINK,
        )
        if claim.lease.target.is_first_sync and heard:
            conclusion = await self._with_states(project, heard[0], conclusion)
        return heard, conclusion

    async def _ask_together(
        self, project: Project, claim: Claim, links: list[Link]
    ) -> list[tuple[Heard, Answer]]:
        places = asyncio.Semaphore(LINKS_AT_ONCE_MAX)

        async def ask(link: Link) -> tuple[Heard, Answer]:
            async with places:
                return await self._ask(project, claim, link)

        return await asyncio.gather(*map(ask, links))

    async def _ask(self, project: Project, claim: Claim, link: Link) -> tuple[Heard, Answer]:
        heard = Heard("", link)
        try:
            await self._outbound.sync(project, heard)
            answer = await self._answer(project, claim, heard)
        except HomegraphError as exc:
            answer = Answer(link, error=exc)
        except Exception as exc:  # noqa: BLE001  # a bug of ours must end the run visibly, not repeat it for ever
            tell_of_bug("a SYNC could not be handled", exc)
            return heard, Answer(link, error=HomegraphError())
        if answer.error is not None:
            heard.transcript.masked_error(answer.error)
        if answer.findings:
            answer = replace(answer, findings=heard.transcript.masked_findings(answer.findings))
        return heard, answer

    async def _answer(self, project: Project, claim: Claim, heard: Heard) -> Answer:
        """Read a reply as far as needed."""
        if heard.body is None:
            return Answer(heard.link, error=heard.error, findings=heard.findings)
        fence = claim.lease.fence
        digest = applying.digest_of(heard.body, heard.request_id)
        if digest and applying.bound(digest, fence - 1) == claim.work.reply:
            return Answer(
                heard.link,
                agent_user_id=claim.lease.target.agent_user_id,
                applied=applying.NOTHING,
                findings=(*heard.findings, *check_time(heard.took)),
                digest=applying.bound(digest, fence),
            )
        try:
            if len(heard.body) <= READ_AT_ONCE_MAX_BYTES:
                reply = read_sync_reply(heard.body)
            else:
                reply = await in_thread(read_sync_reply, heard.body)
        except HomegraphError as exc:
            return Answer(heard.link, error=exc, findings=heard.findings)
        answer = await self._compared(claim.lease.target, project.policy, heard, reply)
        if answer.findings or answer.error is not None:
            return answer
        return replace(answer, digest=applying.bound(digest, fence))

    async def _compared(
        self, target: Target, policy: Policy, heard: Heard, reply: SyncReply
    ) -> Answer:
        """Look at a reply beside what is stored: devices whose bytes are known are not looked into."""
        digests = applying.fingerprints(reply.devices)
        known = await self._known(target, digests)
        before = await self._held(target, policy)
        compared = applying.compare(known, digests, reply.devices)
        asked = compared, reply.devices, catalog_of(policy), policy, before, judged_by(policy)
        judged = judge(*asked) if _is_quick(compared) else await in_thread(judge, *asked)
        findings = (
            *heard.findings,
            *check_reply(
                reply,
                request_id=heard.request_id,
                agent_user_id=target.agent_user_id,
                device_ids=judged.listed,
                took=heard.took,
            ),
            *judged.findings,
        )
        if judged.refusal is not None:
            return Answer(heard.link, error=judged.refusal, findings=findings)
        return Answer(
            heard.link,
            agent_user_id=reply.agent_user_id,
            applied=applying.changes(known, judged.comparison, judged.decoded, judged.held),
            is_empty=not reply.devices,
            findings=findings,
            known=len(known.names),
            held=None if judged.to_keep == before else judged.to_keep,
        )

    async def _known(self, target: Target, digests: list[bytes]) -> Known:
        if target.is_first_sync:
            return applying.known_of({})
        return await self._store.known(target, digests)

    async def _held(self, target: Target, policy: Policy) -> tuple[HeldDevice, ...]:
        """The devices that are held back; only in quarantine are there any."""
        return await self._store.held(target) if policy.sync_mode == "quarantine" else ()

    async def _accepted(self, claim: Claim) -> frozenset[str]:
        """The devices that an operator has let go: those that the run before this one would have removed."""
        if claim.work.run_cause is not _OPERATOR:
            return frozenset()
        target = claim.lease.target
        for run in await self._store.runs(target.project_id, target.agent_user_id, limit=1):
            if run.outcome is Outcome.HELD:
                return frozenset(run.changes.removed)
        return frozenset()

    async def _with_states(
        self, project: Project, heard: Heard, conclusion: Conclusion
    ) -> Conclusion:
        """A first SYNC that succeeded is followed by a QUERY; its states are stored with the devices."""
        effects = list(conclusion.effects)
        for index, effect in enumerate(effects):
            if isinstance(effect, BindLink):
                states, findings = await first_states(self._outbound, project, heard, effect)
                effects[index] = replace(effect, states=states)
                findings = (*conclusion.findings, *findings)
                return replace(conclusion, effects=tuple(effects), findings=findings)
        return conclusion


def _is_quick(compared: Comparison) -> bool:
    """Whether the new devices of a reply are looked into in no time."""
    size = sum([len(one.definition) for one in compared.fresh])
    return size <= AT_ONCE_MAX_BYTES
