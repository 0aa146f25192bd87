"""Asks what several connections hear of each other.

probe    rounds, and the evidence that they make
course   one round: its steps in order, and what went wrong in which, with whom
plan     the probe with everything parsed, shared by its rounds
member   one connection of a party: joins, says, hears, is silent, leaves
carried  pure: whether a message carries what somebody has said
"""
