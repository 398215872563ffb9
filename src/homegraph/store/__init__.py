"""store: what is kept, behind one port with one adapter per database.

``port`` is the contract, in words; ``homegraph.testing.store_contract`` is the same contract as a test suite that every
adapter passes. An adapter (``sqlite``, ``postgres``) loads values, calls the deciding functions of ``graph`` inside its transaction
and saves what they return; it announces nothing and decides nothing. SQL lives in ``sql/<dialect>/*.sql``.

The contract has parts by what is kept: ``credential_port``, ``linking_port``, ``journal_port``, ``moving_port``. What both adapters share
stands here: rows to values and back (``rows``, ``device_rows``, ``credential_rows``, ``linking_rows``, ``errand_rows``, ``copy_rows``, bodies
in ``packing``), ``claims`` and ``rings``, the copies that move (``copies``), the words of refusals (``refusals``), the files of statements
and migrations (``statements``, ``migrate``), and how a file gets its name when it is whole (``whole_files``).
"""
