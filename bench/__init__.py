"""bench: what a Request Sync costs, as ratios to a bare server that is measured in the same run.

A figure in microseconds says as much about the machine, and about who else was using it, as about the code. So every
scenario takes turns with the floor, round by round, and what is read first is the ratio of their CPU times.

``scenarios`` is the table of what is measured, ``rounds`` takes the turns, ``processes`` starts what is measured: the
shipped ``homegraph serve`` on a SQLite file, ``floor`` (the bare server) and ``stub`` (the fulfillment). ``load`` is the
generator, ``measure`` reads the clocks, ``environment`` says where it was, ``report`` prints. ``homes`` is the data.

The rule that is easily broken: the servers have core 0 for themselves; generator and stub share core 1. Whatever is added
here must be cheaper than what it measures, and nothing of it may run in the measured process.
"""
