"""HTTP/1.1 to strangers, over ``homegraph.http`` (docs/decisions/0026).

Fulfillments are strangers. Every address is judged before it is connected to, and the connection goes to the very address
that was judged; whatever comes back is bounded, byte by byte, before anybody looks at it.

::

    posting       the way of one call: place, addresses, connection, answer
    places        how many calls a project may have under way
    resolving     names -> addresses, remembered for a while

Where calls may go at all is decided in ``graph.destinations``. Only POST, no redirects, no proxies, no cookies, no HTTP/2.
"""
