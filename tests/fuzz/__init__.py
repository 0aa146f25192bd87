"""Servers that mean harm, drawn from seeds, against the real probes in a process of their own.

mischief ... what a server may do, as pieces of behaviour
draw ....... a seed to a round: a server and the question that it is asked
shows ...... everything the gate makes of what it saw, and what must never be in there
worker ..... the process that asks: its time, memory, connections and files are watched
__main__ ... `make fuzz`: many rounds, and the sum of them
"""
