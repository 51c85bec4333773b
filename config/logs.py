"""How log records are written: as lines for people or as JSON for machines, with what they are about."""

import logging
import re
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from delivery.terminal import shown

# What a record may tell beside its message, as `extra`. Nothing else of it is written: Django puts whole
# requests there, and addresses of requests may hold what is secret.
EXTRAS = ("delivery", "channel", "endpoint", "attempt", "error", "status", "duration_ms")


# What lets somebody in, where an address of the API carries it: its path, or a query parameter.
_SECRET = re.compile(
    r"""(/v2/token/|(?:user(?:-|%2d)api(?:-|%2d)key|access(?:-|%2d)token)=)[^\s/?&#"']+""", re.IGNORECASE
)


def blotted(text: str) -> str:
    """Without what a line could let somebody in by."""
    return _SECRET.sub(r"\1********", text)


class Line(logging.Formatter):
    """Time, level, logger, message and `name=value` for each extra, on one line; then the trace, if any."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        about = "".join(f" {name}={value}" for name, value in _extras(record).items())
        return shown(blotted(super().formatMessage(record) + about))

    def formatException(self, ei: Any) -> str:
        return "\n".join(map(shown, blotted(super().formatException(ei)).split("\n")))


class Json(JsonFormatter):
    """One object on a line, its keys always in this order."""

    def __init__(self) -> None:
        super().__init__(["levelname", "name", "message"], timestamp=True)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        names = {"timestamp": "timestamp", "levelname": "level", "name": "logger", "message": "message"}
        names |= {name: name for name in (*EXTRAS, "exc_info", "stack_info")}
        told = {said: log_data[name] for name, said in names.items() if log_data.get(name) is not None}
        return {name: blotted(value) if isinstance(value, str) else value for name, value in told.items()}


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: told for name in EXTRAS if (told := record.__dict__.get(name)) is not None}


FORMATTERS = {"line": Line, "json": Json}


def configuration(*, form: str, level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything goes to standard error."""
    handler = {"class": "logging.StreamHandler", "formatter": form, "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {name: {"()": formatter} for name, formatter in FORMATTERS.items()},
        "handlers": {"console": handler},
        "root": {"handlers": ["console"], "level": level},
        # urllib3 tells the addresses that it calls, which may hold what is secret: never below this level.
        "loggers": {"django-q": {"level": "WARNING"}, "urllib3": {"level": "ERROR"}},
    }
