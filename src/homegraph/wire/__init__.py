"""wire: bytes to typed values, and typed values to bytes.

Everything that knows how a message looks outside is in this room: the JSON that Google's parser forgives, the messages of
the HomeGraph API, the intents a fulfillment receives and answers, and the one table of status codes and error texts.
Nothing here decides what a message *means*; that is ``graph``, one floor up.

The room is pure. A reader takes bytes and returns a value or raises an error of the family, the one that its docstring names;
a writer takes a value and returns bytes. Neither waits, reads a clock or opens a file; import-linter proves it, and a
property test per reader says that no bytes whatever bring out another exception. One package is data beside code:
``catalog`` reads its own two files, once, when it is first asked.

The rule that is easily broken: untyped JSON (``dict[str, Any]``) ends here. A module that hands such a dict to the rooms
above has only moved its parsing into them. The exceptions are what others design (states, parameters of commands, customData):
what may be in those only the catalog can say. Every reader also has a bound on size and depth, because its caller has none.
"""
