"""graph: what the Home Graph decides, as pure functions over frozen values.

Nothing here waits, reads a clock, draws a random number or talks to anybody: values come in, values go out, and
the rooms above (``service``, ``store``) carry the decisions out. import-linter proves it.

Reading order::

    model, policy        the words, and what a project may choose
    syncing, sharing     when a SYNC is due and what follows one; whose turn it is
    applying             what a reply to SYNC changes
    checks, judging      what is remarkable about a reply, and which of its devices may be taken
    concluding, effects  what follows from the replies of a run, and what is written then
    linking, refreshing  what becomes of a link, and of its tokens
    reporting            what a state report changes; state_checks what it may hold
    errands, naming,     EXECUTE and QUERY: what is kept of one, which devices are meant,
    executing            what they are told
    destinations         where calls may go
    signing, quota       whose signature it is, and how often a project may call
    explaining           why a call was refused
    linting              the checks of one answer, without a server
    diagram              tables of moves as pictures
"""
