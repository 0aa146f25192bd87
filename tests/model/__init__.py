"""Two controllers, people and Cloud Run as a small model: every interleaving of what they do.

The controllers are the real `gate.core.rollout.step`; only the world around it is small. See
docs/adr/0005-why-traffic-is-safe.md for what the model takes for granted.
"""
