"""`gate stop`: nothing is rolled out nor promoted on a service until it is resumed."""

import argparse

from gate.cli import line
from gate.core.state import Kind

register = line.register


def run(args: argparse.Namespace) -> int:
    """Stops the line and returns the exit code."""
    return line.run(Kind.STOP, args)
