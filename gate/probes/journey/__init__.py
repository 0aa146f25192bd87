"""Journeys: HTTP requests in order, with a cookie jar and captured values.

probe      all journeys of a probe, step by step beside each other, and what they come to
traveller  one journey: what it has, and what became of each of its steps
asked      a step with its templates parsed: its request, and what its answer must be
captured   what is taken out of an answer
jar        the cookies of one journey
told       how journeys are told: lines of evidence
"""
