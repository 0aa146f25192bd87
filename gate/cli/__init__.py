"""Speaks: arguments, rendering, exit codes. One file a command; no rule lives here."""
