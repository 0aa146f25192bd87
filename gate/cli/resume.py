"""`gate resume`: lets rollouts and promotions go on where the line was stopped."""

import argparse

from gate.cli import line
from gate.core.state import Kind

register = line.register


def run(args: argparse.Namespace) -> int:
    """Resumes the line and returns the exit code."""
    return line.run(Kind.RESUME, args)
