"""Who calls: an API user as every resource sees it, without its tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated API user. `locations` are those it may see: public id to key, the first one first."""

    user_id: str
    by: str  # as events name who did it: `api:shop-3`
    locations: Mapping[str, int]
    zones: Mapping[str, str]  # the time zone of each, by public id
    is_authenticated: bool = True  # for REST framework

    @property
    def location_keys(self) -> list[int]:
        return list(self.locations.values())

    @property
    def time_zone(self) -> str:
        """Of its first location."""
        return next(iter(self.zones.values()), "UTC")

    def zone(self, location: str | None = None) -> ZoneInfo:
        """What "today" means: by the clock of the location with this public id, else of the first one."""
        return ZoneInfo(self.zones.get(location or "", self.time_zone))


def caller_of(request: Request) -> Caller:
    """Whoever calls. Only behind `permissions.IsAuthenticated`."""
    caller = request.user
    assert isinstance(caller, Caller)
    return caller
