"""settings: what can be said about a server and its projects, by flag, by variable and in homegraph.toml.

``rows`` is how a key is written down once: its name, its kind, its default and its sentence. ``server`` and ``projects`` are the
tables made of such rows, ``kinds`` and ``addresses`` the kinds of values, ``file`` and ``places`` read homegraph.toml and say where in it
a mistake stands, ``loading`` merges it with variables and flags, ``reference`` writes the page. ``outbound`` tells where they let calls go,
``secret`` is the text that is never shown by accident.

What is read here is what was asked for; making it so (hashing keys, sealing tokens, adopting links) is ``service``'s business.
"""
