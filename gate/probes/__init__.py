"""Ask the candidate. A probe gets a Target and gives Evidence; none of them can move traffic.

    runner                  schedules; an explicit dict: kind of probe -> what asks it
    http/ websocket/ logs   one kind of probe each; they do not know each other, no more than
    diff/ routes/ startup soak grpc    these, which ask about the revision or beyond one request
    latency/                many requests by open loop, candidate and stable in turns
    plugins plugin          kinds that other packages bring, and the interface that they see
    web/ sockets/           one request, one connection: what the kinds that ask so share
    stream/                 answers that come piece by piece
    inquiry                 what a probe is given, and how its evidence is put together
    outcome                 the one table of what each symptom says of the candidate
    expect                  judges one JSON value
    frontend redirect       what an answer means that the container did not mean to give
    identity                whose answer it is: another revision's is no evidence
    words                   text from outside: redacted, made visible, cut

Libraries are imported by the probe that needs them when it is asked, never before: a rollback
does not pay for them.
"""
