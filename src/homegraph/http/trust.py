"""Whose certificates are believed: the system's authorities, and those that a project has named besides.

Certificates are always verified, and always for the name in the URL; there is no setting that turns it off.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Final

CONTEXTS_MAX: Final = 64
"""Bundles that differ, each some hundred kilobytes once it is loaded."""


@lru_cache(maxsize=CONTEXTS_MAX)
def tls_context(authorities: str) -> ssl.SSLContext:
    """How to speak TLS; ``authorities`` are certificates in PEM form, "" for none besides the system's."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if authorities:
        context.load_verify_locations(cadata=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context


def count_authorities(text: str) -> int:
    """How many certificates a PEM text has; 0 when it is something else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError, TypeError):  # damaged, empty, not ASCII
        return 0
    return context.cert_store_stats()["x509"]
