"""The catalog: which traits and device types there are, what belongs to them, and whether a device keeps to it.

Two files of facts, in a format of our own, one entry per line:

``traits.json``
    ``traits`` has for each trait its full ``name``, whether it is ``current``, its attributes, states, commands and
    notifications with their types, bounds and rules, the errors of its commands, and what it was checked against. ``common`` has
    what belongs to every device.
``device_types.json``
    ``types`` has for each type its full ``name`` and label, and which traits it should have.

They are read when somebody asks for the first time, not when this package is imported: most processes never ask.

The facts are collected from public schemas, pages and implementations, and Google adds to the traits without notice. So an
unknown trait is no error here, it is None, and whoever asks decides what that means; and a project may bring what is missing
(``Catalog.extended``). ``online`` belongs to no trait: every device has it.
"""
