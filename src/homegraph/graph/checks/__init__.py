"""Checks: what is remarkable about a reply or a report that could be read.

Pure, and never stopping at the first: every check looks at the whole and adds its findings. A finding explains itself (what,
why, fix); it never changes what is stored. What follows from findings is decided in ``graph.judging`` and ``graph.concluding``.

Every finding belongs to a ``Rule`` (``rule.py``), which stands beside the code that finds it, with all that is said about it
in general. ``rulebook`` has all of them; the pages under ``docs/reference/findings/`` are made from it.
"""
