"""Instances: the processes that stand for containers."""
