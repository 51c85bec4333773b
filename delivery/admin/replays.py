"""Many deliveries sent again: chosen in the list, confirmed with their number, walked by the cluster."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Case, F, JSONField, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from delivery import replays
from delivery.models import Delivery, Replay
from delivery.replays import MOST_CHOSEN, PER_SECOND
from delivery.screens import ReadOnlyAdmin, actor


def send_many_again(request: HttpRequest, chosen: QuerySet[Delivery]) -> HttpResponse | None:
    """Asks first how many there are; once confirmed the cluster begins. None: back to the list."""
    ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MOST_CHOSEN + 1])
    if len(ids) > MOST_CHOSEN:
        text = f"More than {MOST_CHOSEN:,} at once are for the command: manage.py redeliver."
        messages.error(request, text)
        return None
    if not request.POST.get("confirmed"):
        return _confirmation(request, len(ids))
    with transaction.atomic():
        replays.start(replays.Filter(ids=tuple(ids)), by=actor(request), is_in_background=True)
        transaction.on_commit(_begin, robust=True)
    pace = f"{PER_SECOND:g} a second"
    messages.success(request, f"{len(ids):,} will be sent again, {pace}. Here is how far that is.")
    return HttpResponseRedirect(reverse("admin:delivery_replay_changelist"))


def _confirmation(request: HttpRequest, count: int) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Send again",
        "count": count,
        "per_second": PER_SECOND,
        "minutes": max(round(count / PER_SECOND / 60), 1),
        "selected": request.POST.getlist("_selected_action"),
        "across": request.POST.get("select_across", "0"),
        "action": request.POST.get("action", ""),
        "address": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/delivery/delivery/send_again.html", context)


def _begin() -> None:
    """If this fails, the minute's tick begins."""
    from django_q.tasks import async_task  # late: django-q2 reads settings and cache when imported

    async_task("delivery.replays.carry_on", q_options={"group": "replays"})


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "by", "what", "how_far", "state")
    list_display_links = None
    actions = ("stop",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Replay]:
        """Without the ids of what was chosen by hand, which may be ten thousand."""
        said = Case(When(is_in_background=True, then=None), default=F("filter"), output_field=JSONField())
        found: QuerySet[Replay] = super().get_queryset(request)
        return found.defer("filter").annotate(said=said)

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("delivery.change_replay")

    @admin.action(description="Stop", permissions=["stop"])
    def stop(self, request: HttpRequest, chosen: QuerySet[Replay]) -> None:
        """What was asked for already goes out; the rest does not."""
        stopped = chosen.filter(finished_at=None).update(finished_at=timezone.now())
        messages.success(request, f"{stopped} stopped.")

    @admin.display(description="which")
    def what(self, replay: Any) -> str:
        return in_words(replay.said)

    @admin.display(description="asked for")
    def how_far(self, replay: Replay) -> str:
        more = "+" if replay.total >= replays.MOST_COUNTED else ""
        passed = f", {replay.passed_over:,} passed over" if replay.passed_over else ""
        return f"{replay.asked:,} of {replay.total:,}{more}{passed}"

    @admin.display(description="state")
    def state(self, replay: Replay) -> str:
        if replay.finished_at is not None:
            return "ended"
        return "under way" if replay.is_in_background else "under way, or stopped at its terminal"


def in_words(which: dict[str, Any] | None) -> str:
    """Which deliveries it is for; None: some that were chosen by hand."""
    if which is None:
        return "chosen in the list"
    endpoint = which.get("endpoint_id")
    page = reverse("admin:delivery_endpoint_change", args=[endpoint]) if endpoint else ""
    parts = [
        " and ".join(which["states"]),
        format_html('to <a href="{}">endpoint {}</a>', page, endpoint) if endpoint else "",
        f"with error {which['error']}" if "error" in which else "",
        f"since {which['since']}" if "since" in which else "",
        f"until {which['until']}" if "until" in which else "",
        "tests too" if "with_tests" in which else "",
    ]
    return format_html_join(", ", "{}", ((part,) for part in parts if part))
