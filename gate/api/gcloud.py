"""What gcloud's users have set, in the environment or in gcloud's own files."""

from collections.abc import Mapping


class GcloudSettings:
    """Project and region as gcloud's users have them: environment first, then configuration."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def project(self) -> str:
        """CLOUDSDK_CORE_PROJECT, GOOGLE_CLOUD_PROJECT, or core/project."""
        names = ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT")
        return self._first(names) or self.configured("core", "project")

    def region(self) -> str:
        """CLOUDSDK_RUN_REGION or run/region."""
        return self._first(("CLOUDSDK_RUN_REGION",)) or self.configured("run", "region")

    def _first(self, names: tuple[str, ...]) -> str:
        return next((value for name in names if (value := self._environment.get(name))), "")

    def configured(self, section: str, key: str) -> str:
        """A value of gcloud's active configuration, "" where there is none."""
        import configparser  # noqa: PLC0415 - only where the environment does not say
        from pathlib import Path  # noqa: PLC0415

        named = self._environment.get("CLOUDSDK_CONFIG")
        try:
            folder = Path(named) if named else Path.home() / ".config" / "gcloud"
            active = self._environment.get("CLOUDSDK_ACTIVE_CONFIG_NAME") or (
                (folder / "active_config").read_text(encoding="utf-8").strip()
            )
            parser = configparser.ConfigParser(interpolation=None)
            parser.read(folder / "configurations" / f"config_{active}", encoding="utf-8")
        except (OSError, RuntimeError, configparser.Error, UnicodeDecodeError):
            return ""  # no home (RuntimeError), as for many users in containers, has no settings
        return parser.get(section, key, fallback="")
