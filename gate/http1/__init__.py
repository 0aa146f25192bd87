"""HTTP/1.1 for whoever speaks it without a client library: events of h11 over a pair of streams.

Who opens a connection, and with what:

cloud              h11 from here: httpcore would bring 130 ms of imports into every rollback, h11 10
cloud.credentials  urllib, since google-auth asks from a thread and requests takes 350 ms to import
probes.answer      h11 from here: what users get is asked after a rollback, too
probes.web         httpcore: one question, its phases told apart; for everything that asks once
probes.suite       h11 towards the suite, httpcore towards the candidate, whose answers pass through
probes.latency     aiohttp: where 100 requests overlap, each takes 0.2 ms of CPU, with httpcore 20
probes.sockets     websockets; probes.grpc: grpcio; the protocol's own library
mutation           h11 on both sides: a proxy that must pass on, or break, every byte

streams   a connection, and one side of HTTP on it
headers   what a header says
packing   a body as it was meant, by its Content-Encoding
"""
