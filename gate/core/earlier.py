"""What is known of the stage before: whether the image has passed there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was found of an image at the earlier stage that the policy asks for.

    Attributes:
        digest: the image that was looked for, `sha256:...`; "" where nobody knows it by digest.
        problem: why it does not count as passed there; "" where it has passed.
        hint: what to do about it.
        verifier: id of whoever let it pass.
        rollout: in which rollout.
        envelope: sha256 (hex) of the signed decision.
    """

    digest: str
    problem: str = ""
    hint: str = ""
    verifier: str = ""
    rollout: str = ""
    envelope: str = ""
