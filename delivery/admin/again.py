"""Many deliveries sent again from their list: those that were chosen, or all that its filters say.

Asked first, with how many there are, whom it concerns and what it means; then the cluster walks them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from delivery import replays
from delivery.admin.filters import MOST_SEARCHED, as_moment, bounds_of
from delivery.ids import is_id, new_id
from delivery.models import Delivery, Endpoint
from delivery.replays import MOST_CHOSEN, PER_SECOND, Filter
from delivery.screens import actor, as_id
from delivery.transports import ERRORS

PACES = (1, 5, 20, 100)  # a second
_STATES = {"state__exact", "state__in"}
_CANNOT = {
    "q": "what was searched for",
    "to": "a part of an endpoint’s name (choose one endpoint)",
    "channel": "a channel",
    "is_test__exact": "tests",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent again, or why that cannot be said."""

    which: Filter | None
    why_not: str = ""


def send_chosen_again(request: HttpRequest, chosen: QuerySet[Delivery]) -> HttpResponse | None:
    """Those that are ticked; with all of a list ticked, all that its filters say. None: back to the list."""
    is_all = request.POST.get("select_across") == "1"
    wish = wish_of(request.GET) if is_all else Wish(None)
    has_states = bool(_STATES & request.GET.keys())  # else delivered ones would be left out
    if wish.which is not None and has_states:
        return _asked(request, wish.which, replays.matching(wish.which), _hidden(request))
    ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MOST_CHOSEN + 1])
    if len(ids) > MOST_CHOSEN:
        text = (
            f"More than {MOST_CHOSEN:,} at once are sent again by their filters: choose a state, and again."
        )
        messages.error(request, wish.why_not or text)
        return None
    return _asked(request, Filter(ids=tuple(ids)), chosen.order_by().filter(pk__in=ids), _hidden(request))


def _hidden(request: HttpRequest) -> list[tuple[str, str]]:
    """What the list's form said, to be said again with the yes."""
    return [
        ("action", request.POST.get("action", "")),
        ("select_across", request.POST.get("select_across", "0")),
        *(("_selected_action", pk) for pk in request.POST.getlist("_selected_action")),
    ]


def _asked(
    request: HttpRequest, which: Filter, deliveries: QuerySet[Delivery], hidden: list[tuple[str, str]]
) -> HttpResponse:
    if is_id(asked_as := request.POST.get("confirmed", "")) and asked_as <= new_id():
        return _start(request, which, asked_as)
    return _confirmation(request, which, deliveries, hidden)


def send_all_again(request: HttpRequest) -> HttpResponse:
    """All that the filters in the address say, of those that were tried."""
    wish = wish_of(request.GET)
    if wish.which is None:
        context = {"why_not": wish.why_not, "title": "Send again", "back": _back(request)}
        return _drawn(request, context)
    return _asked(request, wish.which, replays.matching(wish.which), [])


def wish_of(asked: QueryDict) -> Wish:
    """The filters of the list as those of a replay."""
    said = {name: str(value) for name, value in asked.items() if value}
    cannot = [words for name, words in _CANNOT.items() if name in said and said[name] != "0"]
    if (error := said.get("error", "")) and error.casefold() not in ERRORS:
        cannot.append("words in the error")
    if cannot:
        return Wish(None, f"All of a list cannot be sent again by {' and '.join(cannot)}: tick them instead.")
    given = {name: said.get(name, "") for name in ("since", "until")}
    if any(value and as_moment(value) is None for value in given.values()):
        return Wish(None, "One of the times cannot be read.")
    which = _filter(said)
    if not ({*_STATES, "error", "endpoint", "made", "since", "until"} & said.keys()):
        return Wish(None, "Filter the list first: by state, time made, or endpoint.")
    if not which.states:
        return Wish(None, "What was never tried goes out by itself; nobody has to ask for it.")
    return Wish(which)


def _filter(said: Mapping[str, str]) -> Filter:
    since, until = bounds_of(dict(said))
    which = Filter(
        endpoint_id=as_id(said["endpoint"]) if "endpoint" in said else None,
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
        error=said.get("error", "").casefold(),
    )
    states = said.get("state__exact") or said.get("state__in")
    if states is None:
        return which
    return replace(which, states=tuple(one for one in replays.STATES if one in states.split(",")))


def _confirmation(
    request: HttpRequest, which: Filter, deliveries: QuerySet[Delivery], hidden: list[tuple[str, str]]
) -> HttpResponse:
    found = replays.summary(which) if which.ids is None else _summary(deliveries)
    context = {
        "title": "Send again",
        "count": found.total,
        "found": found,
        "states": [(Delivery.State(state).label, number) for state, number in found.by_state.items()],
        "delivered": found.by_state.get("delivered", 0),
        "concerned": _concerned(deliveries),
        "paces": [(pace, replays.in_minutes(found.total / pace), pace == PER_SECOND) for pace in PACES],
        "hidden": hidden,
        "address": request.get_full_path(),
        "back": _back(request),
        "asked_as": new_id(),
        "leaves_delivered": which.ids is None and not (_STATES & request.GET.keys()),
        "leaves_tests": which.ids is None and not which.with_tests,
    }
    return _drawn(request, context)


def _summary(deliveries: QuerySet[Delivery]) -> replays.Summary:
    """Of those that were ticked; they are few."""
    return replays.Summary(dict(Counter(deliveries.values_list("state", flat=True))), None, None)


def _concerned(deliveries: QuerySet[Delivery]) -> list[tuple[Endpoint, int]]:
    """To whom they go, of the first so many; the most first."""
    of = Counter(deliveries.order_by("pk").values_list("endpoint", flat=True)[:MOST_SEARCHED])
    endpoints = Endpoint.objects.in_bulk([pk for pk, _ in of.most_common(10)])
    return [(endpoints[pk], number) for pk, number in of.most_common(10) if pk in endpoints]


def _start(request: HttpRequest, which: Filter, asked_as: str) -> HttpResponse:
    """One replay, however often the yes is sent."""
    pace = as_id(request.POST.get("pace", ""))
    with transaction.atomic():
        replay = replays.start(
            which,
            by=actor(request),
            per_second=pace if pace in PACES else PER_SECOND,
            is_in_background=True,
            asked_as=asked_as,
        )
        transaction.on_commit(_begin, robust=True)
    messages.success(request, f"{replay.total:,} will be sent again. Here is how far that is.")
    return HttpResponseRedirect(reverse("admin:delivery_replay_change", args=[replay.pk]))


def _begin() -> None:
    """If this fails, the minute's tick begins."""
    from django_q.tasks import async_task  # late: django-q2 reads settings and cache when imported

    async_task("delivery.replays.carry_on", q_options={"group": "replays"})


def _address() -> str:
    return reverse("admin:delivery_delivery_send_all_again")


def _back(request: HttpRequest) -> str:
    return f"{reverse('admin:delivery_delivery_changelist')}?{request.GET.urlencode()}"


def _drawn(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, "admin/delivery/delivery/send_many_again.html", context)
