"""Shows what happened, to people and machines; changes nothing.

    progress           while it works: lines for a log, or a live view on a terminal
    outcome evidence   how it ended: one text of the ledger's entry, at the end and ever after
    details whys       what the record has beside that
    status audit       how a service stands; the list of what the ledger remembers
    machine            the same as JSON

All text that came from outside goes through `safe.safe` on its way out.
"""
