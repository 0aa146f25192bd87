"""The keys of a secret and of a key: where they are kept, never what they are."""

from dataclasses import dataclass
from typing import Annotated, Any

from gate.core.policy import KeyRef, SecretRef
from gate.core.template import BUILTINS
from gate.kinds.collections import Mapped
from gate.kinds.forms import KEY, Text, unfit
from gate.kinds.records import Key, Record, slots_from

SECRET = Record(
    "secret",
    SecretRef,
    slots_from(
        SecretRef,
        {
            "env": Annotated[
                str,
                Text("the name of an environment variable", r"[A-Za-z_][A-Za-z0-9_]*", 200),
                Key("environment variable that holds the secret"),
            ],
            "file": Annotated[
                str,
                Text("the path of a file", most=1000),
                Key("file that holds the secret; relative paths begin at the policy's folder"),
            ],
            "secret": Annotated[
                str,
                Text(
                    "projects/PROJECT/secrets/NAME/versions/VERSION",
                    r"projects/[a-z0-9][a-z0-9.:-]{0,62}/secrets/[A-Za-z0-9_-]{1,255}"
                    r"/versions/(?:[1-9][0-9]{0,9}|[A-Za-z_-][A-Za-z0-9_-]{0,62})",
                    500,
                ),
                Key(
                    "version of a secret in Secret Manager: "
                    "`projects/PROJECT/secrets/NAME/versions/VERSION`"
                ),
            ],
        },
    ),
    one_of=("env", "file", "secret"),
)


@dataclass(frozen=True, slots=True)
class Secrets(Mapped):
    """Secrets by name; no name is one that templates use themselves."""

    def value(self, written: Any) -> Any:
        """As Form.value."""
        from pydantic_core import ValidationError  # noqa: PLC0415 - only where a file is read

        told = unfit("is a name that templates use themselves", "choose another name")
        if taken := sorted(BUILTINS.intersection(written)):
            wrong = [{"type": told, "loc": (name, KEY), "input": name} for name in taken]
            raise ValidationError.from_exception_data("secrets", wrong)  # type: ignore[arg-type]
        return written


_KMS = (
    r"projects/[a-z0-9][a-z0-9.:-]{0,62}/locations/[a-z0-9-]{1,63}/keyRings/[A-Za-z0-9_-]{1,63}"
    r"/cryptoKeys/[A-Za-z0-9_-]{1,63}/cryptoKeyVersions/[1-9][0-9]{0,9}"
)
KEY_PLACE = Record(
    "key",
    KeyRef,
    (
        *SECRET.keys,
        *slots_from(
            KeyRef,
            {
                "kms": Annotated[
                    str,
                    Text("projects/.../cryptoKeyVersions/VERSION", _KMS, 400),
                    Key("version of a key in Cloud KMS, by its full name"),
                ],
            },
        ),
    ),
    one_of=("env", "file", "secret", "kms"),
)
