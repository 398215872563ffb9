"""A simulation of many homes: what a day of theirs asks of servers and databases, computed from measured costs.

``costs`` are the measured figures, and nothing else in here is a fact about homegraph. ``closed_loop`` replays the benchmark:
one node, callers who wait for their answer; if it did not come out as measured, the rest would be worth nothing. ``day`` says
what homes do, ``cluster`` what that costs a number of nodes second by second, ``story`` asks the questions of
docs/explanation/scaling.md.

Times are seconds. Chance is handed in with its seed: the same call gives the same answer.
"""
