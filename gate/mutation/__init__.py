"""Breaks: puts known faults between a probe and a healthy service, to show that the probe fails.

A mutant is a negative control: a probe that no mutant can make fail is no evidence.

faults .............. what can be wrong, as values: connections, answers, sessions
edits ............... one change of a JSON value; which changes a value allows
service_profile ..... what a healthy service said to each probe
catalogue ........... from profiles to the list of mutants, and which probes each can touch
http_faults ......... a fault in an HTTP answer. Pure
websocket_faults .... a fault in a WebSocket conversation. Pure
wire, tunnel ........ HTTP and WebSocket as they come
proxy ............... one mutant, one port, in front of the healthy service
suites .............. what is kept of suites, whose tests have to be seen failing one by one
run ................. control, every mutant, control again
naming .............. how the healthy service names its revision
proof_file .......... keeps what came of it
"""
