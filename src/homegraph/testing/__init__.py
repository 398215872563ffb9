"""testing: what homegraph offers to other people's tests, and uses for its own.

``clock`` is a clock that stands still, ``fulfillment`` a scripted device cloud on a real socket, ``store_contract`` the
contract of ``store.port`` as a suite: whoever writes an adapter for another database makes a fixture and a class, and has
every sentence of the port checked. The suite needs pytest, anyio and hypothesis, which are not installed with homegraph.
Nothing in here is imported by the server.
"""
