"""`make prove`: proves the shipped policy against the example backend, on a Cloud Run here."""

import os
import secrets
import sys

from examples.backend.tokens import mint
from examples.demo import ROOT, create_service, gate, local_cloud_run, title, which


def main() -> int:
    """Proves it, writes policies/backend.proof.json, and returns the exit code."""
    with local_cloud_run(["--calm"]) as exports:
        key = secrets.token_urlsafe(32)
        environment = {
            **os.environ,
            **exports,
            "STAGING_JWT_ALICE": mint("alice", key),
            "STAGING_JWT_BOB": mint("bob", key),
        }
        create_service(exports["CLOUD_RUN_EMULATOR_HOST"], "backend:v1", key)
        title("backend:v1 is healthy; now each fault in its turn")
        policy = os.path.relpath(ROOT / "policies" / "backend.yaml")
        return gate(["policy", "prove", policy, *which(), *sys.argv[1:]], environment)


if __name__ == "__main__":
    sys.exit(main())
