"""graph: what the Home Graph decides, as pure functions over frozen values.

Nothing here waits, reads a clock, draws a random number or talks to anybody: values come in, values go out, and
the rooms above (``service``, ``store``) carry the decisions out. import-linter proves it.

Reading order: ``model`` (the words), ``syncing`` (when a SYNC is due, and what follows one), ``applying`` (what a SYNC
reply changes), ``checks`` (what is remarkable about a reply), ``explaining`` (why a call was refused), ``sharing``
(whose turn it is).
"""
