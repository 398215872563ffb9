"""service: the use-cases, and the loop that carries runs out.

A use-case takes a call that was already read, asks the store in one transaction, and hands the rest to a pure function of
``graph``; what that decides is carried out here: a SYNC is sent, a token refreshed, a run stored, an event announced after
the commit. So this room waits, reads clocks and talks to fulfillments, and decides nothing that ``graph`` could decide.

What it does not know: HTTP as a server speaks it. No path, header, status code or page is named here; ``web`` turns calls
into use-cases and errors into answers, and another door (gRPC, a test) may do so as well. Logs and metrics are not called
from here either: they listen to ``events``.

Where to look: ``clock`` (the only place with time, ids and chance),
``vault`` (what must not be read), ``house`` (the parts of one running Home Graph). The rule a maintainer could break by
accident: state lives in the store. A use-case that remembers something in a module or an object forgets it with the process,
and what was accepted must outlive a kill -9.
"""
