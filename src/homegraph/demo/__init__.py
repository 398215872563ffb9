"""The story that ``homegraph demo`` tells, and the device cloud it is told with.

Two servers that know nothing of each other but URLs and tokens: the Home Graph that is shipped, and a device cloud as somebody
else might have written it. The story moves between them as a user and a developer would, by real calls over real sockets,
and every sentence of it that can be checked is checked.

Rooms: ``cloud`` the device cloud, which is a sample by itself; ``serving`` its port; ``browser`` what a person does to link an account;
``calls`` one HTTP call, and how it is written for curl; ``claims`` what is checked; ``documents`` what the admin API answers;
``narrator`` how the story looks; ``stage`` what it is played on; ``steps`` the story itself; ``story`` the door, which tells it and says
how it went.

The rule that is easily broken: a step may not tell what it has not seen. Every claim stands beside the check of it.
"""
