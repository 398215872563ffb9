"""The store on PostgreSQL: any number of processes share one database; calls that come together share a transaction.

``store`` is the door, ``moving_store`` a part of it. Behind it ``connections`` runs operations in transactions on a ``database``, and
``groups`` puts calls together. The operations stand in one module per noun, with the names of those for SQLite: ``projects``,
``service_accounts``, ``links``, ``linkings``, ``devices``, ``reports``, ``work``, ``settling`` (of which ``binding`` is a part), ``errands``,
``journal``, ``moving``, ``sealing``; and ``instances``, which SQLite has no use for. ``opening`` is everything that happens before the first
of them, ``hints`` what processes tell each other, ``care`` what is done to a database from outside; ``trouble`` says what is wrong with a
server, ``texts`` writes what PostgreSQL cannot keep as it is. The statements are in ``sql/postgres/*.sql``; ``store.rows`` turns their rows
into values.

The rule that is broken by accident: locks are taken in one order, links, work, devices, agent users, and those of each kind in key
order (docs/decisions/0020). An operation may be run again, so it does nothing but read and write through its ``Database``.
"""

from homegraph.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
