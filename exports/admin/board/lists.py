"""What the two lists of the board show: a page of profiles, a page of routes; no query per row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from delivery.admin.endpoints import health_in_a_word
from delivery.clock import clock
from delivery.screens import BoundedPaginator, as_id
from exports.admin.board.asking import HEALTH, Asked
from exports.admin.counted import Counted, counted
from exports.models import ExportProfile, Route

A_PAGE = 25

_DOTS = {"good": "delivered", "waking": "waiting", "failing": "failed", "asleep": "failed"}


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """A profile as the list shows it."""

    profile: ExportProfile
    counts: Counted
    health: str
    dot: str
    last_run: str
    next_run: str
    is_new: bool
    routes_url: str

    @property
    def waiting_url(self) -> str:
        """The list of what waits for it."""
        query = f"endpoint={self.profile.endpoint_id}&state__in=pending,waiting"
        return f"{reverse('admin:delivery_delivery_changelist')}?{query}"


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A route as the list shows it."""

    route: Route
    since: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list, and what is around it."""

    page: Page  # type: ignore[type-arg]
    lines: Sequence[ProfileLine | RouteLine]
    is_filtered: bool
    number_name: str  # of the page's number, in the address
    newer: str  # the addresses of the pages beside it; empty: there is none
    older: str

    @property
    def total(self) -> str:
        """How many there are, counted no further than lists go."""
        paginator = self.page.paginator
        return f"{paginator.count:,}{'+' if paginator.is_cut else ''}"  # type: ignore[attr-defined]


def profiles_of(asked: Asked, new: int = 0) -> Listed:
    """The profiles that the address asks for, by name; one that was made just now stands first."""
    found = ExportProfile.objects.select_related("endpoint", "location").order_by("name", "pk")
    if asked.q:
        found = found.filter(_named(asked.q, "name", "url"))
    if asked.switch:
        found = found.filter(is_active=asked.switch == "on")
    if asked.health:
        found = found.filter(HEALTH[asked.health])
    page = BoundedPaginator(found, A_PAGE).get_page(asked.page)
    rows: list[ExportProfile] = list(page.object_list)
    if new:
        made = ExportProfile.objects.select_related("endpoint", "location").filter(pk=new)
        rows = [*made, *(row for row in rows if row.pk != new)]
    counts, now = counted(row.pk for row in rows), timezone.now()
    only = {row.pk: asked.address(profile=row.pk, rq="", kind="", rpage=1) for row in rows}
    lines = [
        _profile_line(row, counts.get(row.pk, Counted()), now, is_new=row.pk == new, routes_url=only[row.pk])
        for row in rows
    ]
    return Listed(page, lines, asked.filters_profiles, *_beside(page, asked, "page"))


def routes_of(asked: Asked, new: int = 0) -> Listed:
    """The routes that the address asks for, by profile; one that was made just now stands first."""
    all_routes = Route.objects.select_related("profile", "profile__location", "campaign", "product")
    found = all_routes.order_by("profile__name", "profile_id", "pk")
    if asked.rq:
        found = found.filter(_named(asked.rq, "profile__name", "campaign__name", "product__name"))
    if asked.kind:
        found = found.filter(customer_type=asked.kind)
    if asked.profile:
        found = found.filter(profile_id=asked.profile)
    page = BoundedPaginator(found, A_PAGE).get_page(asked.rpage)
    rows: list[Route] = list(page.object_list)
    if new:
        rows = [*all_routes.filter(pk=new), *(row for row in rows if row.pk != new)]
    now = timezone.now()
    lines = [RouteLine(row, clock(row.effective_from, now), row.pk == new) for row in rows]
    return Listed(page, lines, asked.filters_routes, *_beside(page, asked, "rpage"))


def _named(text: str, *columns: str) -> Q:
    """Rows that have the text in one of the columns, or it for their number."""
    wanted = Q()
    for column in columns:
        wanted |= Q(**{f"{column}__icontains": text})
    number = as_id(text.removeprefix("#"))
    return wanted | Q(pk=number) if number else wanted


def _beside(page: Page, asked: Asked, name: str) -> tuple[str, str, str]:  # type: ignore[type-arg]
    newer = asked.address(**{name: page.number - 1}) if page.has_previous() else ""
    older = asked.address(**{name: page.number + 1}) if page.has_next() else ""
    return name, newer, older


def _profile_line(
    profile: ExportProfile, counts: Counted, now: datetime, *, is_new: bool, routes_url: str
) -> ProfileLine:
    health = health_in_a_word(profile.endpoint)
    return ProfileLine(
        profile=profile,
        counts=counts,
        health="nothing sent" if health == "–" else health,
        dot=_DOTS.get(health.partition(" ")[0], ""),
        last_run=clock(profile.last_run_at, now) if profile.last_run_at else "–",
        next_run=_next_run(profile, now),
        is_new=is_new,
        routes_url=routes_url,
    )


def _next_run(profile: ExportProfile, now: datetime) -> str:
    if not profile.is_active or not profile.url or profile.type != ExportProfile.Type.POSTBACK:
        return "–"
    if profile.cadence == ExportProfile.Cadence.IMMEDIATE:
        return "at once"
    return clock(profile.next_run_at, now) if profile.next_run_at else "soon"
