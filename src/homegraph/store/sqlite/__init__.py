"""The store on SQLite: one process owns one file, one thread writes, commits are shared.

``store`` is the door. Behind it ``lane`` runs operations on a connection (``database``), and the operations stand in one
module per noun: ``projects``, ``service_accounts``, ``links``, ``devices``, ``reports``, ``work``, ``settling``, ``journal``.
``opening`` is everything that happens before the first of them. The statements are in ``sql/sqlite/*.sql``; ``store.rows`` turns
their rows into values.

The rule that is broken by accident: an operation runs in a transaction that it shares with others and may be run twice.
It must do nothing but read and write through its ``Database``.
"""

from homegraph.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
