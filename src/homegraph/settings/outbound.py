"""Where the settings let calls go, and which URLs of projects they leave out.

A URL that is refused whatever its name stands for is told at start, as a warning: the server has other things to do as well, and
the runs of that project say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from homegraph.graph.destinations import Rules, refused_unseen
from homegraph.settings.projects import ProjectSettings


def outbound_rules(*, loopback: bool, networks: Iterable[str]) -> Rules:
    """The rules of the settings ``outbound_loopback`` and ``outbound_networks``."""
    return Rules(loopback, tuple(ip_network(network) for network in networks))


def never_called(projects: Iterable[ProjectSettings], rules: Rules) -> Iterator[str]:
    """A sentence for each URL that these rules refuse in any case."""
    for project in projects:
        urls = {
            "fulfillment_url": project.fulfillment_url,
            "oauth.token_url": project.oauth.token_url,
        }
        for key, url in urls.items():
            if url and (sentence := refused_unseen(url, rules)):
                yield f"projects.{project.id}.{key} will not be called. {sentence}"
