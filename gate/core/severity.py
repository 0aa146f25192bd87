"""How bad a log entry is, as Cloud Logging numbers it."""

from enum import Enum


class Severity(Enum):
    """Severity of a log entry, by its number in Cloud Logging; higher is worse."""

    DEFAULT = 0
    DEBUG = 100
    INFO = 200
    NOTICE = 300
    WARNING = 400
    ERROR = 500
    CRITICAL = 600
    ALERT = 700
    EMERGENCY = 800
