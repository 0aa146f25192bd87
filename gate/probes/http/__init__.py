"""The http probe: one request, one answer."""
