"""The keys of `sign` and `require_signed`: this stage's signature and the earlier one's."""

from typing import Annotated

from gate.core.policy import EarlierStage, KeyRef, ServiceName, SignRule
from gate.kinds.records import Key, Record, slots_from
from gate.policyfile.secrets import KEY_PLACE
from gate.policyfile.service import SERVICE

SIGN = Record(
    "sign",
    SignRule,
    slots_from(
        SignRule,
        {
            "key": Annotated[
                KeyRef,
                KEY_PLACE,
                Key("what signs: an ECDSA P-256 or Ed25519 key in PEM (PKCS #8), or one in KMS"),
            ],
        },
    ),
)
EARLIER = Record(
    "require signed",
    EarlierStage,
    slots_from(
        EarlierStage,
        {
            "key": Annotated[
                KeyRef | None,
                KEY_PLACE,
                Key(
                    "the public key of the earlier stage: PEM, several blocks where keys are "
                    "changed, or certificates, which expire; or a key in KMS",
                    absent="that of `sign`",
                ),
            ],
            "stage": Annotated[
                ServiceName | None,
                SERVICE,
                Key(
                    "the service whose gate must have promoted the image: `{project, region, "
                    "name}`, each as the policy's own where it is left out",
                    absent="any other service of the project",
                ),
            ],
        },
    ),
)
