"""The example backend with faults: what the scenarios of Gate-Bench roll out.

    do        one behaviour as data: what, where, how often
    boot      what happens before it listens
    http      what happens to requests
    sockets   what happens to WebSockets

`python -m benchmarks.bench.backend` serves examples.backend with the behaviours that BENCH_DO
names: a JSON list such as `[{"do": "answer", "path": "/health", "status": 503}]`. Each behaviour
wraps the application once, so that they can be put together at will.
"""
