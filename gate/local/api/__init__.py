"""What all of Google's APIs have in common: their errors, and JSON on the wire."""
