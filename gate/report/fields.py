"""How the reports read the ledger's entries: as the whole gate does (gate.core.fields)."""

from gate.core.fields import Entry, child, children, flag, number, text, texts

__all__ = ["Entry", "child", "children", "flag", "number", "text", "texts"]
