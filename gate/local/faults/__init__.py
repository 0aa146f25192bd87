"""Artificial delays and faults, those of the platform and those that are asked for."""
