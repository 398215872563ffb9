"""A device cloud as a sample: what a maker of lamps and locks runs to be linked with a Home Graph.

It is written to be read by somebody who builds one. In this order:

``fulfillment``   the four intents: SYNC, QUERY, EXECUTE, DISCONNECT
``commands``      what devices can be told: parameters in, states out
``devices``       one device: its definition, its state, what it asks for before it obeys
``homes``         the devices of a user, and two users' homes to begin with
``accounts``      who may sign in, and how often somebody may guess
``login``         the page where a user signs in and agrees (the authorization endpoint)
``grants``        what users have agreed to: codes, access tokens, refresh tokens
``tokens``        the token endpoint, and revocation
``reporting``     what the cloud tells the Home Graph by itself: Report State and Request Sync
``motors``        devices that take their time
``app``           all of it together, as one ASGI application
``playground``    what a real cloud does not have: devices can be added and switched without signing in

Small parts of these are ``config`` (what it is started with), ``forms`` (bodies and their fields), ``pages`` (what users see) and
``pausing`` (how it waits).

It runs by itself: ``python -m homegraph.demo.cloud``; examples/cloud/README.md says how to link it. ``homegraph demo`` starts the
same one in its own process. Nothing of homegraph is used but its client, which anybody can use (import-linter proves it), so that
whatever works with this cloud works for the wire's sake.

Everything is kept in memory, which is the one thing not to be copied from here: tokens that are forgotten in a restart break links.
"""
