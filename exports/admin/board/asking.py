"""What the address of the board asks for: the filters and the page of both halves."""

from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from delivery.screens import as_id
from exports import customer_types

LONGEST_SEARCH = 200

_AWAKE = Q(endpoint__is_held=False, endpoint__asleep_until=None)
_SAYS_YES = _AWAKE & Q(endpoint__failures_in_a_row=0)
# The words of `health_in_a_word`, and which profiles they are said of.
HEALTH: dict[str, Q] = {
    "good": _SAYS_YES & Q(endpoint__window=None, endpoint__last_success_at__isnull=False),
    "failing": _AWAKE & Q(endpoint__failures_in_a_row__gt=0),
    "asleep": Q(endpoint__is_held=False, endpoint__asleep_until__isnull=False),
    "waking": _SAYS_YES & Q(endpoint__window__isnull=False),
    "held": Q(endpoint__is_held=True),
    "unused": _SAYS_YES & Q(endpoint__window=None, endpoint__last_success_at=None),
}
SWITCHES = ("on", "off")


@dataclass(frozen=True, slots=True)
class Asked:
    """Names as in the address: of the profiles first, of the routes with an r or of their own."""

    q: str = ""
    switch: str = ""
    health: str = ""
    page: int = 1
    rq: str = ""
    kind: str = ""
    profile: int = 0
    rpage: int = 1

    def address(self, **changes: Any) -> str:
        """Of the board with this, and what is changed; only what says something is in it."""
        said = asdict(replace(self, **changes))
        usual = asdict(Asked())
        query = urlencode({name: value for name, value in said.items() if value != usual[name]})
        return f"{reverse('admin:exports_board')}{'?' if query else ''}{query}"

    @property
    def filters_profiles(self) -> bool:
        return bool(self.q or self.switch or self.health)

    @property
    def filters_routes(self) -> bool:
        return bool(self.rq or self.kind or self.profile)


def asked_by(request: HttpRequest) -> Asked:
    """By the address of the request; of one that a dialog sends, by the address of the page it lies on."""
    shown = urlsplit(request.htmx.current_url or "")  # type: ignore[attr-defined]
    is_from_dialog = request.path != reverse("admin:exports_board") and shown.path == reverse(
        "admin:exports_board"
    )
    return asked(QueryDict(shown.query) if is_from_dialog else request.GET)


def asked(query: QueryDict) -> Asked:
    """What cannot be asked is as if it were not asked."""
    return Asked(
        q=searched(query.get("q")),
        switch=_one_of(SWITCHES, query.get("switch")),
        health=_one_of(HEALTH, query.get("health")),
        page=as_id(query.get("page") or "") or 1,
        rq=searched(query.get("rq")),
        kind=_one_of(customer_types.BY_KEY, query.get("kind")),
        profile=as_id(query.get("profile") or "") or 0,
        rpage=as_id(query.get("rpage") or "") or 1,
    )


def searched(text: str | None) -> str:
    """As the database can be asked for it."""
    return (text or "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def _one_of(allowed: Any, word: str | None) -> str:
    return word if word is not None and word in allowed else ""
