"""What is told while a rollout is under way: the only files here that see a Rollout.

activity          what is being done in each phase, in one line
messages probes   what is worth saying, and when
plain live board  lines for a log, or a live view on a terminal
"""
