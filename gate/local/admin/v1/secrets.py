"""Secrets of other projects: v2 names them by full path, v1 by an alias that an annotation maps.

run.googleapis.com/secrets: ALIAS:projects/P/secrets/S,...
"""

from typing import Final

from gate.local.admin.v1.table import Message
from gate.local.api.errors import invalid

ANNOTATION: Final = "run.googleapis.com/secrets"


class Aliases:
    """Names for a template's secrets, and back.

    Args:
        template: whose secrets get names, in their order.
    """

    def __init__(self, template: Message) -> None:
        self._names: dict[str, str] = {}
        taken = {secret for secret in _secrets(template) if "/" not in secret}
        for secret in _secrets(template):
            if "/" in secret and secret not in self._names:
                self._names[secret] = alias = _free(secret.rpartition("/")[2], taken)
                taken.add(alias)

    def name(self, secret: str) -> str:
        """Gives the name that v1 shows for a secret."""
        return self._names.get(secret, secret)

    def annotation(self) -> str:
        """Gives the annotation, or "" where no secret needs an alias."""
        return ",".join(f"{alias}:{secret}" for secret, alias in self._names.items())


def read_aliases(annotation: str) -> dict[str, str]:
    """Reads the annotation: secret by alias.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    made: dict[str, str] = {}
    for pair in filter(None, annotation.split(",")):
        alias, colon, secret = pair.partition(":")
        if not (alias and colon and secret):
            raise invalid(f"annotations[{ANNOTATION}]", f"not ALIAS:SECRET (got {pair[:100]!r})")
        made[alias] = secret
    return made


def _secrets(template: Message) -> list[str]:
    variables = (item for container in template.containers for item in container.env)
    references = [item.value_source.secret_key_ref.secret for item in variables]
    return list(filter(None, references)) + [
        volume.secret.secret for volume in template.volumes if volume.HasField("secret")
    ]


def _free(name: str, taken: set[str]) -> str:
    candidates = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
    return next(each for each in candidates if each not in taken)
