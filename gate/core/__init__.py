"""Decides. Pure: no I/O, no clock, no randomness; the shell acts on what it returns."""
