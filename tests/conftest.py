"""What holds for every test."""

from hypothesis import settings

# How long an example takes says how busy the machine is, not whether a property holds.
settings.register_profile("gate", deadline=None)
settings.load_profile("gate")
