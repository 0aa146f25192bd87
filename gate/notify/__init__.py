"""Tells webhooks how a rollout ended; never part of a decision, and never in its way.

bodies ....... what is said: CloudEvents for machines, a message for Google Chat or Slack
signing ...... proves who says it, as Standard Webhooks has it
delivery ..... sends it: again where that may help, within a bounded time
"""
