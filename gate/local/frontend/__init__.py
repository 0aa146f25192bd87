"""The front end: an address for a service and each of its tags, requests split over revisions."""
