"""`python -m gate.cli` is the same as `gate`."""

from gate.cli.main import main

main()
