"""Who calls: from the API key or access token that was presented to the project that it speaks for.

Keys and tokens are looked up by their hash, so neither the time of a lookup nor a copy of the database tells one. What was
found is believed for a second (``remembered``), because the same few callers come again and again.

The order of the refusals is Google's: first the credential itself (unknown, revoked, expired), then its restrictions
(methods, addresses, scopes), then its project (API switched off, suspended). Which words they are answered with is not decided
here. One of Google's sentences names the key that was sent, to the caller who has just sent it; so a refusal's facts hold the
key, and are for the answer alone.

A bearer may also be a JWT that a service account has signed itself, without asking the token endpoint (AIP-4111). Google's APIs
take such tokens in general; nobody was seen sending one to the Home Graph, so this is experimental. It is good until its own
end, and as long as the key that signed it.

The rule that is easily broken: whoever changes keys, service accounts or projects calls ``forget`` after the change is durable.
Within this process a revocation then counts from the next call on; another process sees it when its second is over.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from homegraph.errors import CallRefused, TokenRequestRefused
from homegraph.graph.model import ApiKey, Instant, Project
from homegraph.graph.signing import find_signer
from homegraph.service.clock import Clock
from homegraph.service.remembered import REMEMBERED_SECONDS, Remembered
from homegraph.service.vault import digest
from homegraph.store.port import Store
from homegraph.wire.assertions import check, looks_signed, read_unverified
from homegraph.wire.details import API, SCOPE, SERVICE

__all__ = [
    "API_AUDIENCES",
    "REMEMBERED_MAX",
    "REMEMBERED_SECONDS",
    "Credentials",
    "is_from",
    "networks_of",
    "project_refusal",
    "refusal",
]

REMEMBERED_MAX: Final = 4_096
"""Keys, and tokens, remembered at a time: some hundred bytes each, and far more than call within a second."""

API_AUDIENCES: Final = frozenset(
    {f"https://{SERVICE}", f"https://{SERVICE}/", f"https://{SERVICE}/{API}"}
)
"""Whom a self-signed bearer is for when it is for the Home Graph, over HTTP and over gRPC."""

EXPIRED: Final = "ACCESS_TOKEN_EXPIRED"
"""Google's word, in its details, for a token that was good once."""

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class _KeyHolder:
    """A key that was looked up, with its project. ``networks`` are the key's addresses, ready to compare."""

    key: ApiKey
    project: Project
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class _TokenHolder:
    """A token that was looked up or verified: whom it speaks for, what it is good for, and until when."""

    project: Project
    email: str
    scopes: tuple[str, ...]
    expires_at: Instant


class Credentials:
    """The keys and tokens of all projects, as callers present them."""

    def __init__(self, store: Store, clock: Clock, audiences: Collection[str] = ()) -> None:
        """``audiences`` are addresses of this server; a self-signed bearer may be for one of them, or for Google's API."""
        self._store = store
        self._clock = clock
        self._audiences = API_AUDIENCES.union(audiences)
        self._keys: Remembered[_KeyHolder] = Remembered(REMEMBERED_MAX)
        self._tokens: Remembered[_TokenHolder] = Remembered(REMEMBERED_MAX)

    def forget(self) -> None:
        """Believe nothing that was read before now. To be called after every change of credentials or projects."""
        self._keys.forget()
        self._tokens.forget()

    # --- what is remembered --------------------------------------------------------------------------------------

    def recall_key(
        self, key_digest: bytes, now: Instant, method: str, address: str
    ) -> Project | None:
        """What ``identify_key`` would return, if it need not look anything up; None when it must, or would refuse."""
        holder = self._keys.recall(key_digest, now)
        if holder is None or _against_key(holder, method=method, address=address, now=now):
            return None
        return holder.project

    def recall_token(self, token_digest: bytes, now: Instant) -> Project | None:
        """The same of ``identify_token``."""
        holder = self._tokens.recall(token_digest, now)
        if holder is None or holder.expires_at <= now or _against_token(holder):
            return None
        return holder.project

    # --- keys ----------------------------------------------------------------------------------------------------

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
        holder = await self._key_holder(presented, now)
        if holder is None:
            raise CallRefused("API_KEY_UNKNOWN")
        project = holder.project
        reason = _against_key(holder, method=method, address=address, now=now)
        if reason:
            raise CallRefused(
                reason,
                project_number=project.number,
                consumer=f"api_key:{presented}",
                ip=address or "unknown",
                metadata={"project": project.id, "key_id": holder.key.id},
            )
        return project

    async def find_project_of_key(self, presented: str) -> str | None:
        """The id of the project that a key belongs to, whatever the key's state; None when nobody has it."""
        holder = await self._key_holder(presented, self._clock.now())
        return None if holder is None else holder.project.id

    async def _key_holder(self, presented: str, now: Instant) -> _KeyHolder | None:
        key_digest = digest(presented)
        return self._keys.recall(key_digest, now) or await self._keys.find(
            key_digest, now, lambda: self._look_up_key(key_digest)
        )

    async def _look_up_key(self, key_digest: bytes) -> _KeyHolder | None:
        key = await self._store.find_key(key_digest)
        if key is None:
            return None
        project = await self._store.find_project(key.project_id)
        return _KeyHolder(key, project, networks_of(key.addresses)) if project else None

    # --- tokens --------------------------------------------------------------------------------------------------

    async def identify_token(self, presented: str, *, rpc: str) -> Project:
        """The project that an access token speaks for, if it may do so now.

        ``rpc`` is the full name of the method, which Google's details repeat.

        Raises:
            CallRefused: ACCESS_TOKEN_UNKNOWN, SCOPE_MISSING, API_DISABLED or PROJECT_SUSPENDED, with the facts that the
                answer's text needs. What is wrong with a self-signed token is told as a further reason.
            StoreUnavailable: the token cannot be looked up.
        """
        now = self._clock.now()
        token_digest = digest(presented)
        holder = self._tokens.recall(token_digest, now)
        if holder is None:
            read = self._verify if looks_signed(presented) else self._look_up_token
            try:
                holder = await self._tokens.find(token_digest, now, lambda: read(presented, now))
            except TokenRequestRefused as exc:
                raise CallRefused("ACCESS_TOKEN_UNKNOWN", method=rpc, also=(exc.code,)) from exc
        if holder is None:
            raise CallRefused("ACCESS_TOKEN_UNKNOWN", method=rpc)
        if holder.expires_at <= now:
            raise CallRefused("ACCESS_TOKEN_UNKNOWN", method=rpc, token_reason=EXPIRED)
        reason = _against_token(holder)
        if reason:
            raise CallRefused(
                reason,
                method=rpc,
                project_number=holder.project.number,
                consumer=f"project_number:{holder.project.number}",
                metadata={"project": holder.project.id, "service_account": holder.email},
            )
        return holder.project

    async def _look_up_token(self, presented: str, _now: Instant) -> _TokenHolder | None:
        token = await self._store.find_token(digest(presented))
        if token is None:
            return None
        project = await self._store.find_project(token.project_id)
        if project is None:
            return None
        return _TokenHolder(project, token.email, token.scopes, token.expires_at)

    async def _verify(self, presented: str, now: Instant) -> _TokenHolder | None:
        """Check a self-signed bearer; again every second, so that a revoked key ends it. Raises TokenRequestRefused."""
        claims = read_unverified(presented)
        scopes = check(claims, audiences=self._audiences, now=now, for_bearer=True)
        keys = await self._store.find_service_keys(claims.iss)
        signer = find_signer(presented, claims, keys)
        project = await self._store.find_project(signer.project_id)
        if project is None:
            return None
        return _TokenHolder(project, signer.email, scopes, claims.exp or now)


def _against_key(holder: _KeyHolder, *, method: str, address: str, now: Instant) -> str:
    """Why a key does not speak for its project in this call; empty when it does."""
    reason = refusal(holder.key, method=method, now=now)
    if reason == "" and not is_from(address, holder.networks):
        reason = "API_KEY_IP_REFUSED"
    return reason or project_refusal(holder.project)


def _against_token(holder: _TokenHolder) -> str:
    """Why a token that has not expired does not speak for its project; empty when it does."""
    reason = "" if SCOPE in holder.scopes else "SCOPE_MISSING"
    return reason or project_refusal(holder.project)


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
