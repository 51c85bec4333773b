"""What a postback says, frozen when it is queued, and the body of each attempt from that."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import urlencode

import orjson

from postbacks.models import PostbackConfig
from postbacks.resources import EMBEDDABLE, Around, Subject, data_of
from postbacks.validation import names_in


@dataclass(frozen=True, slots=True)
class Content:
    """As a delivery keeps it: what is said, and how often and how far apart the config wanted it tried."""

    type: str
    resource: str
    data: str  # JSON
    attempts: int
    interval: int

    def body(self, number: int) -> bytes:
        """The form of the attempt with this number: these four parameters, in this order."""
        pairs = [
            ("type", self.type),
            ("resource", self.resource),
            ("number_of_attempts", number),
            ("data", self.data),
        ]
        return urlencode(pairs).encode()

    def next_after(self, attempts_counted: int) -> timedelta | None:
        """How long after so many attempts the next is due; None: that was the last."""
        return timedelta(seconds=self.interval) if attempts_counted < self.attempts else None


def frozen(config: PostbackConfig, type: str, resource: str, data: str) -> str:
    """The content of a delivery. `resource` is what `data` is: the config may be about another by now."""
    content = Content(type, resource, data, config.number_of_attempts, config.attempt_interval)
    return orjson.dumps(asdict(content)).decode()


def thawed(content: str) -> Content:
    return Content(**orjson.loads(content))


def data_text(config: PostbackConfig, subject: Subject, known: Around) -> str:
    """The `data` of a postback of this config; embedded is what its resource has of what is asked for."""
    embedded = [name for name in names_in(config.expands) if name in EMBEDDABLE[subject.resource]]
    return orjson.dumps(data_of(subject, known, embedded)).decode()
