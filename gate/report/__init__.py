"""Shows what happened, to people and machines; changes nothing.

    plain live       while it works: lines for a log, or a live view on a terminal
    summary          at the end: one table, the verdict, traffic, the way on
    status audit     how a service stands; what the ledger remembers
    machine          the same as JSON

All text that came from outside goes through `safe.safe` on its way out.
"""
