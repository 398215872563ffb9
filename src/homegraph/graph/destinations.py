"""Where calls may go: a table of networks, a table of rules over it, and nothing that asks a network.

The address of a fulfillment or token endpoint is somebody else's word: of whoever set up the project, and of whoever answers
for the name in it. So it is read strictly (``read_destination``), and every single address that its name has is judged before
anything is sent there (``refusal``). What is not in the table is not called.

Names are not resolved here and nothing is connected to: ``service.http`` does, and must connect to the very address that was judged.

The rule that is easily broken: an address is judged by its number, never by how it is spelled. A host that ends in a number
but is no plain IPv4 address (``0x7f.1``, ``2130706433``, ``127.1``) is no name either: the system would read it as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from homegraph.errors import AddressRefused

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

URL_CHARS_MAX: Final = 2_048

PORTS: Final[Mapping[str, int]] = MappingProxyType({"http": 80, "https": 443})

LOCAL_NAME: Final = "localhost"
LOCAL_ADDRESSES: Final[tuple[Address, ...]] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
"""What ``localhost`` means (RFC 6761). No resolver is asked, so none can say otherwise."""

_PRINTABLE: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class Zone(StrEnum):
    """What an address is to us."""

    LOOPBACK = "this machine"
    PRIVATE = "a private network"
    PUBLIC = "the internet"
    CLOSED = "no place for a fulfillment"


_TABLE: Final[Mapping[str, Zone]] = {
    # IPv4: what the registry of special addresses does not name is the internet.
    "0.0.0.0/0": Zone.PUBLIC,
    "0.0.0.0/8": Zone.CLOSED,  # this network; 0.0.0.0 reaches the machine itself
    "10.0.0.0/8": Zone.PRIVATE,
    "100.64.0.0/10": Zone.PRIVATE,  # carrier-grade NAT, and what overlay networks use
    "100.100.100.200/32": Zone.CLOSED,  # metadata of a cloud
    "127.0.0.0/8": Zone.LOOPBACK,
    "168.63.129.16/32": Zone.CLOSED,  # metadata of a cloud, at an address that looks public
    "169.254.0.0/16": Zone.CLOSED,  # link-local; metadata of most clouds
    "172.16.0.0/12": Zone.PRIVATE,
    "192.0.0.0/24": Zone.CLOSED,  # protocol assignments; metadata of a cloud
    "192.0.2.0/24": Zone.CLOSED,  # documentation
    "192.88.99.0/24": Zone.CLOSED,  # 6to4 relays, withdrawn
    "192.168.0.0/16": Zone.PRIVATE,
    "198.18.0.0/15": Zone.PRIVATE,  # benchmarks
    "198.51.100.0/24": Zone.CLOSED,  # documentation
    "203.0.113.0/24": Zone.CLOSED,  # documentation
    "224.0.0.0/4": Zone.CLOSED,  # multicast
    "240.0.0.0/4": Zone.CLOSED,  # reserved, broadcast
    # IPv6: only 2000::/3 is the internet.
    "::/0": Zone.CLOSED,
    "::1/128": Zone.LOOPBACK,
    "2000::/3": Zone.PUBLIC,
    "2001::/23": Zone.CLOSED,  # protocol assignments, among them Teredo: IPv4 inside
    "2001:db8::/32": Zone.CLOSED,  # documentation
    "2002::/16": Zone.CLOSED,  # 6to4: IPv4 inside
    "3fff::/20": Zone.CLOSED,  # documentation
    "fc00::/7": Zone.PRIVATE,
    "fd00:ec2::/32": Zone.CLOSED,  # metadata of a cloud
    "fd20:ce::/32": Zone.CLOSED,  # metadata of a cloud
}

_LONGEST_FIRST: Final[tuple[tuple[Network, Zone], ...]] = tuple(
    sorted(
        ((ip_network(text), zone) for text, zone in _TABLE.items()),
        key=lambda row: -row[0].prefixlen,
    )
)

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address


class Way(StrEnum):
    """When something may be called."""

    FREELY = "always"
    LOCALLY = "unless outbound_loopback is off"
    LISTED = "only within outbound_networks"
    NEVER = "never"


WAYS: Final[Mapping[tuple[Zone, bool, str], Way]] = MappingProxyType(
    {
        # The zone; whether the URL names the address itself (or says localhost); the scheme.
        (Zone.LOOPBACK, True, "http"): Way.LOCALLY,
        (Zone.LOOPBACK, True, "https"): Way.LOCALLY,
        (Zone.LOOPBACK, False, "http"): Way.LISTED,
        (Zone.LOOPBACK, False, "https"): Way.LISTED,
        (Zone.PRIVATE, True, "http"): Way.LISTED,
        (Zone.PRIVATE, True, "https"): Way.LISTED,
        (Zone.PRIVATE, False, "http"): Way.LISTED,
        (Zone.PRIVATE, False, "https"): Way.LISTED,
        (Zone.PUBLIC, True, "http"): Way.LISTED,
        (Zone.PUBLIC, True, "https"): Way.FREELY,
        (Zone.PUBLIC, False, "http"): Way.LISTED,
        (Zone.PUBLIC, False, "https"): Way.FREELY,
        (Zone.CLOSED, True, "http"): Way.NEVER,
        (Zone.CLOSED, True, "https"): Way.NEVER,
        (Zone.CLOSED, False, "http"): Way.NEVER,
        (Zone.CLOSED, False, "https"): Way.NEVER,
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the server's settings allow beyond the internet by https: its own machine, and networks."""

    loopback: bool = True
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL taken apart. ``host`` is in lower case, without brackets and dot at the end; ``target`` is path and query.

    ``literal`` is the address that the URL names itself, None for a name.
    """

    scheme: str
    host: str
    port: int
    target: str
    literal: Address | None

    @property
    def is_exact(self) -> bool:
        """Whether the URL itself says which machine is meant, and no resolver."""
        return self.literal is not None or self.host == LOCAL_NAME


def read_destination(url: str) -> Destination:
    """Take a URL apart.

    Raises:
        AddressRefused: it is none that may be called. The message does not repeat it: it may hold a secret.
    """
    if len(url) > URL_CHARS_MAX or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressRefused("The URL has characters that no URL has, or too many.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").removesuffix(".")
    except ValueError as exc:
        raise AddressRefused("The URL cannot be read.") from exc
    if parts.scheme not in PORTS:
        raise AddressRefused("The URL is neither http nor https.")
    if "@" in parts.netloc:
        raise AddressRefused("The URL has a user name in it.")
    if port == 0:
        raise AddressRefused("The URL names port 0.")
    query = f"?{parts.query}" if parts.query else ""
    return Destination(
        parts.scheme,
        host,
        port or PORTS[parts.scheme],
        (parts.path or "/") + query,
        _literal(host, is_bracketed=parts.netloc.startswith("[")),
    )


def _literal(host: str, *, is_bracketed: bool) -> Address | None:
    """The address that a host is, None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        if is_bracketed or not _NAME.fullmatch(host) or _ENDS_IN_NUMBER.fullmatch(host):
            raise AddressRefused("The URL's host is neither a name nor a plain address.") from None
        return None
    if is_bracketed is (address.version == 4) or "%" in host:  # noqa: PLR2004
        raise AddressRefused("The URL's host is neither a name nor a plain address.")
    return address


def zone_of(address: Address) -> Zone:
    """What an address is to us. IPv4 inside IPv6 is looked at as what it is inside."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return Zone.CLOSED
        if address.ipv4_mapped is not None:
            return zone_of(address.ipv4_mapped)
        if address in _TRANSLATED:
            inside = zone_of(IPv4Address(int(address) & 0xFFFF_FFFF))
            return inside if inside is Zone.PUBLIC else Zone.CLOSED
    return next(
        zone
        for network, zone in _LONGEST_FIRST
        if network.version == address.version and address in network
    )


def refusal(destination: Destination, address: Address, rules: Rules) -> str:
    """Why ``address`` may not be called for this destination, as a sentence; "" when it may."""
    zone = zone_of(address)
    way = WAYS[zone, destination.is_exact, destination.scheme]
    if way is Way.FREELY or (way is Way.LOCALLY and rules.loopback):
        return ""
    if way is not Way.NEVER and _is_listed(address, rules):
        return ""
    return _sentence(destination, address, zone)


def refused_unseen(url: str, rules: Rules) -> str:
    """Why a URL can never be called, as far as that is known before anything is resolved; "" when it may turn out well."""
    try:
        destination = read_destination(url)
    except AddressRefused as exc:
        return exc.message
    if destination.is_exact:
        return refusal(destination, destination.literal or LOCAL_ADDRESSES[0], rules)
    if destination.scheme == "http" and not rules.networks:
        return "By http a name is called only within outbound_networks, and none are listed."
    return ""


def _is_listed(address: Address, rules: Rules) -> bool:
    inside = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    judged = inside or address
    return any(
        network.version == judged.version and judged in network for network in rules.networks
    )


def _sentence(destination: Destination, address: Address, zone: Zone) -> str:
    host = destination.host
    named = host if destination.literal is not None else f"{host} ({address})"
    if zone is Zone.PUBLIC:
        return f"{named} is on the internet, where only https is called."
    if zone is Zone.LOOPBACK and not destination.is_exact:
        return f"{named} is this machine; only 127.0.0.1, [::1] and localhost may name it."
    if zone is Zone.CLOSED:
        return f"{named} is never called: it is {zone.value}."
    return f"{named} is {zone.value}, which is not in outbound_networks."
