"""Gate-Bench: how often the gate decides right, on a corpus of labelled rollouts.

    scenario   the corpus (scenarios/*.yaml): what happens, what is right, and why
    policies   the policies that judge (policies.yaml)
    backend    the example backend with faults, which the scenarios roll out
    stage      a local Cloud Run, and a scenario's services on it
    traffic    sample traffic, the same for every rule that counts requests
    peers      the rules that people use today
    run        one scenario: peers, `gate rollout`, and where traffic ended
    score      false promotes, false blocks, holds, attribution, with intervals
    kept       results on file: a long run goes on where it was interrupted
    card       the scorecard: kept, shown, compared

`make bench` runs it and fails where it is worse than scorecard.json; docs/bench.md explains it.
"""
