"""Cloud Run on a laptop: its wire APIs over real processes.

Stands apart from the gate: it imports no other room, so that a bug shared by the gate and its
stand-in cannot hide itself.
"""
