"""Remembers. What an entry says is pure and lives here; where entries are kept is cloud's."""
