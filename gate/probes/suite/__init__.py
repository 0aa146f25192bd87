"""The suite probe: somebody's own tests, run against the candidate and seen doing so."""
