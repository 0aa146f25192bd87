"""The latency probe: many requests at a fixed rate, and how long their answers took.

    schedule      when each request is due, and to whom (pure)
    client        one request over aiohttp, and what came of it
    hearing       when the bytes of an answer came
    faults        what a request without a right answer says, and of whom
    meter         the answers of one side, and the percentiles over them
    instrument    asks by the schedule; measures itself at the same time
    judging       from meters to faults (pure)
    telling       the lines of the evidence
    probe         puts them together

Open loop: a request is due whether or not the one before it was answered, and its latency counts
from when it was due. So a server that stands still for a second is seen by every request that was
due in that second, not by the one alone that waited.
"""
