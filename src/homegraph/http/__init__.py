"""HTTP/1.1 out, as far as it does not matter who calls whom: one connection, one exchange, everything bounded.

::

    pool          idle connections, and what all connections share
    connection    one connection, one exchange at a time
    gathering     what is written in one turn of the loop leaves together
    deadlines     one timer for all exchanges
    reading       bytes -> reply; no I/O
    coding        gzip and deflate, within a bound
    reply         a reply, and how one is known at one look
    fifo          what is worked out once and then known, bounded
    trust         whose certificates are believed

The server calls strangers with it (``service.http``: addresses are judged and pinned), the asynchronous client calls the one Home Graph
that it was told (``client.direct``). No redirects, no proxies, no cookies, no HTTP/2 (docs/decisions/0026, 0033).
"""
