"""Breaks: puts known faults between a probe and a healthy service, to show that the probe fails.

A saboteur is a negative control. What no saboteur can make fail is no evidence.
"""
