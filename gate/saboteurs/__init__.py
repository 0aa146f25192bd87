"""Breaks: puts known faults between a probe and a healthy service, to show that the probe fails.

A saboteur is a negative control. What no saboteur can make fail is no evidence.

edits ......... one change of a JSON value; which changes a value allows
acts .......... what a saboteur does, as values: to connections, answers, sessions
lesson ........ what a healthy service said to each probe
catalogue ..... from a lesson to the list of mutants, and which probes each can touch
answers ....... an act upon an HTTP answer; talk ... an act upon a conversation. Both pure
wire, tunnel .. HTTP and WebSocket as they come
saboteur ...... the proxy: one mutant, one port
campaign ...... control, every mutant, control again
proof_file .... keeps what came of it
"""
