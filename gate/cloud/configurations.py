"""How revisions are set up, for comparison: implements ports.Configurations."""

from gate.cloud.documents import Document
from gate.cloud.run import CloudRun
from gate.cloud.settings import Group, read_settings
from gate.ports import Configuration


class CloudConfigurations:
    """Reads how one service's revisions are set up.

    Args:
        platform: the service.
    """

    def __init__(self, platform: CloudRun) -> None:
        self._platform = platform

    async def of(self, revision: str) -> Configuration:
        """As ports.Configurations."""
        document = await self._platform.revision_document(revision)
        return configuration_value(document, self._platform.service_name)


def configuration_value(document: Document, service: str) -> Configuration:
    """A revision's configuration; labels and annotations are not part of it."""
    found: dict[Group, dict[str, str]] = {group: {} for group in Group}
    for setting in read_settings(document, service):
        found[setting.group][setting.owned_name] = setting.text
    return Configuration(
        env=found[Group.VARIABLE],
        secrets=found[Group.SECRET] | found[Group.MOUNT],
        fields=found[Group.FIELD],
        hidden=found[Group.HIDDEN],
    )
