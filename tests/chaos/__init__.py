"""The campaign: gates that are killed, cut off and interfered with, and what must hold afterwards.

draw        a round as a value, from its seed
stage       one local Cloud Run, spoken to as a person and as its operator
gates       gates as processes that can be killed
play        plays one round
record      what happened in it
check       what must hold, whatever happened
worker      many rounds side by side on one local Cloud Run
__main__    many workers, and the sum of it all
"""
