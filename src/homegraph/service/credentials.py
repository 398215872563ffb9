"""Who calls: from the API key that was presented to the project that it speaks for.

A key is looked up by its hash, so neither the time of a lookup nor a copy of the database tells a key. What was found is
remembered for a second, because the same few keys call again and again; a key that was not found is not remembered, so
that no flood of guesses can push out the keys that are in use.

The order of the refusals is Google's: first the key itself (unknown, revoked, expired), then its restrictions
(methods, addresses), then its project (API switched off, suspended). Which words they are answered with is not decided here.
One of Google's sentences names the key that was sent, to the caller who has just sent it; so a refusal's facts hold the key,
and are for the answer alone.

The rule that is easily broken: whoever changes keys or projects calls ``forget`` after the change is durable. Within this
process a revocation then counts from the next call on; another process sees it when its second is over. A lookup that was
under way during ``forget`` may have read the old row, so what it found is used once and not remembered.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from homegraph.errors import CallRefused
from homegraph.graph.model import ApiKey, Instant, Project
from homegraph.service.clock import Clock
from homegraph.service.vault import digest
from homegraph.store.port import Store

REMEMBERED_MAX: Final = 4_096
"""Keys remembered at a time: some hundred bytes each, and far more than call within a second."""

REMEMBERED_SECONDS: Final = 1.0
"""How long a remembered key is believed: the longest that another process's revocation goes unnoticed."""

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class _Holder:
    """A key that was looked up, with its project. ``networks`` are the key's addresses, ready to compare."""

    key: ApiKey
    project: Project
    networks: tuple[Network, ...]
    read_at: Instant


class Credentials:
    """The keys of all projects, as callers present them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Holder] = OrderedDict()
        self._changes = 0

    def forget(self) -> None:
        """Believe nothing that was read before now. To be called after every change of keys or projects."""
        self._remembered.clear()
        self._changes += 1

    async def identify_key(self, presented: str, *, method: str, address: str) -> Project:
        """The project that the key speaks for, if it may do so now.

        ``method`` is the short name of the call, e.g. ``devices.requestSync``. ``address`` is the caller's IP address, empty
        when there is none (a Unix socket); then a key that is restricted to addresses is refused.

        Raises:
            CallRefused: API_KEY_UNKNOWN, API_KEY_REVOKED, API_KEY_EXPIRED, API_KEY_RESTRICTED, API_KEY_IP_REFUSED,
                API_DISABLED or PROJECT_SUSPENDED, with the facts that the answer's text needs.
            StoreUnavailable: the key cannot be looked up.
        """
        now = self._clock.now()
        holder = await self._holder(digest(presented), now)
        if holder is None:
            raise CallRefused("API_KEY_UNKNOWN")
        project = holder.project
        reason = refusal(holder.key, method=method, now=now)
        if reason == "" and not is_from(address, holder.networks):
            reason = "API_KEY_IP_REFUSED"
        reason = reason or project_refusal(project)
        if reason:
            raise CallRefused(
                reason,
                project_number=project.number,
                consumer=f"api_key:{presented}",
                ip=address or "unknown",
                metadata={"project": project.id, "key_id": holder.key.id},
            )
        return project

    async def _holder(self, key_digest: bytes, now: Instant) -> _Holder | None:
        """What is remembered of the key, or what the store says."""
        holder = self._remembered.get(key_digest)
        # A clock that was set back makes entries look as if they came from the future: those are not believed either.
        if holder is not None and 0.0 <= now - holder.read_at < REMEMBERED_SECONDS:
            self._remembered.move_to_end(key_digest)
            return holder
        changes = self._changes
        holder = await self._look_up(key_digest, now)
        if holder is not None and changes == self._changes:
            self._remembered[key_digest] = holder
            self._remembered.move_to_end(key_digest)
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return holder

    async def _look_up(self, key_digest: bytes, now: Instant) -> _Holder | None:
        key = await self._store.find_key(key_digest)
        if key is None:
            return None
        project = next((p for p in await self._store.projects() if p.id == key.project_id), None)
        if project is None:
            return None
        return _Holder(key, project, networks_of(key.addresses), now)


def refusal(key: ApiKey, *, method: str, now: Instant) -> str:
    """Why the key may not be used for ``method`` at ``now``, whoever calls; empty when it may."""
    if key.revoked_at is not None:
        return "API_KEY_REVOKED"
    if key.expires_at is not None and key.expires_at <= now:
        return "API_KEY_EXPIRED"
    if key.methods and method not in key.methods:
        return "API_KEY_RESTRICTED"
    return ""


def project_refusal(project: Project) -> str:
    """Why the project's calls are refused, whatever the credential; empty when they are not."""
    if not project.api_enabled:
        return "API_DISABLED"
    return "PROJECT_SUSPENDED" if project.suspended else ""


def networks_of(addresses: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks that a key is restricted to; a single address is a network of one.

    Raises:
        ValueError: one of them is no network in CIDR form. Keys are checked when they are made.
    """
    return tuple(ipaddress.ip_network(address, strict=False) for address in addresses)


def is_from(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether the caller's address is in one of the networks; no networks mean every address."""
    if not networks:
        return True
    try:
        caller: Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A socket that serves both families names an IPv4 caller ::ffff:192.0.2.1.
    if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped
    return any(caller in network for network in networks)
