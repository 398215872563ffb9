"""store: what is kept, behind one port with one adapter per database.

``port`` is the contract, in words; ``homegraph.testing.store_contract`` is the same contract as a test suite that every
adapter passes. An adapter loads values, calls the deciding functions of ``graph`` inside its transaction and saves what
they return; it announces nothing and decides nothing. SQL lives in ``sql/<dialect>/*.sql``.
"""
