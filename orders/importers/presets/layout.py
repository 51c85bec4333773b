"""What every preset says about its files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orders.importers.staging import Staging
from orders.importers.stories import Credit, Record, Story
from orders.importers.values import Clock

Reject = Callable[[Record, str], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file. `columns` must be there; lines are joined by `key`, and come in order of `moment`."""

    columns: tuple[str, ...]
    key: str
    moment: str = ""
    parent: str = ""  # the kind that must have a line of the same key
    is_needed: bool = True


@dataclass(slots=True)
class Told:
    """What some keys of a preset come to."""

    stories: list[Story] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Preset:
    """The keys of the kind `lead` are the orders. `zone`: of its local times; None: the location's."""

    name: str
    kinds: Mapping[str, Kind]
    lead: str
    tell: Callable[[Sequence[str], Staging, Clock, Reject], Told]
    zone: str | None = None
    refused_columns: tuple[str, ...] = ()
