"""Servers that mean harm, drawn from seeds, against the real probes in a process of their own.

mischief ... what a server may do, as pieces of behaviour
bystanders . logs and configurations that hold what the candidate put there
suite ...... somebody's tests, which print and report whatever the candidate says
plugin ..... an installed package whose kind of probe answers as none should
draw ....... a seed to a round: a server and the question that it is asked
shows ...... everything the gate makes of what it saw, and what must never be in there
worker ..... the process that asks: its time, memory, connections and files are watched
__main__ ... `make fuzz`: many rounds, and the sum of them
"""
