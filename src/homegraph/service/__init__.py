"""service: the use-cases, and the loop that carries runs out.

A use-case takes a call that was already read, asks the store in one transaction, and hands the rest to a pure function of
``graph``; what that decides is carried out here: a SYNC is sent, a token refreshed, a run stored, an event announced after
the commit. So this room waits, reads clocks and talks to fulfillments, and decides nothing that ``graph`` could decide.

What it does not know: HTTP as a server speaks it. No path, header, status code or page is named here; ``web`` turns calls
into use-cases and errors into answers, and another door (gRPC, a test) may do so as well. Logs and metrics are not called
from here either: they listen to ``events``.

Where to look::

    the house            house, events, clock (the only place with time, ids and chance), vault (what must not be read), sealing, reading
    calls of the API     requesting, states; who calls: identity, credentials, remembered, tokens; how often: budgets; why not: explaining
    runs                 loop, runs, asking, outbound, first_query, unsettled; who waits for one: listening, elsewhere, keeping; what is long: beside
    what went out        transport (http is the one that is used), recording, transcript
    accounts             authorizing, code_exchange, linkings, refreshing, unlinking
    EXECUTE and QUERY    errands, executing, querying
    operators            questions, administration, accepting, trying, service_accounts, key_files, moving; doctor, interpreter, promises
    homegraph.toml       declaring, declared_files, authorities, catalogs
    what is shown        views, log, lines
    duties               upkeep

The rule a maintainer could break by accident: state lives in the store. A use-case that remembers something in a module or an object
forgets it with the process, and what was accepted must outlive a kill -9.
"""
