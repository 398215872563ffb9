"""The store on SQLite: one process owns one file, one thread writes, commits are shared.

``store`` is the door, ``moving_store`` a part of it. Behind it ``lane`` runs operations on a connection (``database``), ``glance`` makes
small reads at once, ``brief`` tells what is small, and ``folding`` brings the log in. The operations stand in one module per noun:
``projects``, ``service_accounts``, ``links``, ``linkings``, ``devices``, ``reports``, ``work``, ``settling``, ``errands``, ``journal``,
``moving``, ``sealing``. ``care`` is what is done to a file from outside.
``opening`` is everything that happens before the first of them. The statements are in ``sql/sqlite/*.sql``; ``store.rows`` turns
their rows into values.

The rule that is broken by accident: an operation runs in a transaction that it shares with others and may be run twice.
It must do nothing but read and write through its ``Database``.
"""

from homegraph.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
