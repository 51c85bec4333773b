"""What is sent again in numbers: how far each replay is, live while it runs, and a button that stops it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, JSONField, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_POST, require_safe

from delivery import replays, rows
from delivery.models import Delivery, Endpoint, Replay
from delivery.screens import ReadOnlyAdmin, actor


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is, for people."""

    asked: int
    passed_over: int
    total: int
    is_bounded: bool  # there may have been more than `total`
    percent: int
    minutes_left: int | None  # None: it has ended, or a terminal walks it
    state: str
    kind: str  # class of its badge
    is_under_way: bool


def progress_of(replay: Replay) -> Progress:
    done = replay.asked + replay.passed_over
    total = max(replay.total, done)
    has_ended, was_stopped = replay.finished_at is not None, bool(replay.stopped_by)
    is_walked = replay.is_in_background and not has_ended
    if has_ended:
        state = f"Stopped by {replay.stopped_by}" if was_stopped else "Done"
    else:
        state = "Under way" if replay.is_in_background else "Under way, or stopped at its terminal"
    return Progress(
        asked=replay.asked,
        passed_over=replay.passed_over,
        total=total,
        is_bounded=replay.total >= replays.MOST_COUNTED,
        percent=100 if has_ended and not was_stopped else done * 100 // max(total, 1),
        minutes_left=replays.in_minutes((total - done) / replay.per_second) if is_walked else None,
        state=state,
        kind="waiting" if not has_ended else "cancelled" if was_stopped else "delivered",
        is_under_way=not has_ended,
    )


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    change_form_template = "admin/delivery/replay/change_form.html"
    change_list_template = "admin/delivery/replay/change_list.html"
    list_title = "Sent again"
    list_display = ("made", "what", "how_far", "state", "by")
    list_display_links = ("made",)
    actions = ("stop",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Replay]:
        """Without the ids of what was chosen by hand, which may be ten thousand."""
        said = Case(When(filter__has_key="ids", then=None), default=F("filter"), output_field=JSONField())
        found: QuerySet[Replay] = super().get_queryset(request)
        return found.defer("filter").annotate(said=said)

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("delivery.change_replay")

    @admin.action(description="Stop", permissions=["stop"])
    def stop(self, request: HttpRequest, chosen: QuerySet[Replay]) -> None:
        """What was asked for already goes out; the rest does not."""
        stopped = sum(
            replays.stop(replay, by=actor(request)) for replay in chosen.filter(finished_at=None)[:100]
        )
        messages.success(request, f"{stopped} stopped.")

    def get_urls(self) -> list[URLPattern]:
        wrapped = self.admin_site.admin_view
        return [
            path(
                "<int:replay_id>/progress/",
                wrapped(require_safe(self.progress_view)),
                name="delivery_replay_progress",
            ),
            path("<int:replay_id>/stop/", wrapped(require_POST(self.stop_view)), name="delivery_replay_stop"),
            *super().get_urls(),
        ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[()]:
        return ()  # the page is drawn by its template

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        replay = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if replay is not None and self.has_view_permission(request, replay):
            context |= {
                **self._seen(request, replay),
                "title": f"Sent again, number {replay.pk}",
                "subtitle": None,
            }
        return super().change_view(request, object_id, form_url, context)

    def progress_view(self, request: HttpRequest, replay_id: int) -> HttpResponse:
        """The part of the page that renews itself."""
        replay = get_object_or_404(self.get_queryset(request), pk=replay_id)
        if not self.has_view_permission(request, replay):
            raise PermissionDenied
        return TemplateResponse(request, "admin/delivery/replay/_progress.html", self._seen(request, replay))

    def stop_view(self, request: HttpRequest, replay_id: int) -> HttpResponse:
        if not self.has_stop_permission(request):
            raise PermissionDenied
        replay = get_object_or_404(Replay.objects.only("pk"), pk=replay_id)
        if replays.stop(replay, by=actor(request)):
            messages.success(request, "Stopped. What was asked for already goes out; the rest does not.")
        else:
            messages.warning(request, "It had ended already.")
        return HttpResponseRedirect(reverse("admin:delivery_replay_change", args=[replay_id]))

    def _seen(self, request: HttpRequest, replay: Any) -> dict[str, Any]:
        return {
            "replay": replay,
            "progress": progress_of(replay),
            "which": in_words(replay.said, with_name=True),
            "can_stop": self.has_stop_permission(request),
        }

    @admin.display(description="asked for")
    def made(self, replay: Replay) -> str:
        return rows.moment(replay.created_at)

    @admin.display(description="which")
    def what(self, replay: Any) -> str:
        return in_words(replay.said)

    @admin.display(description="how far")
    def how_far(self, replay: Replay) -> str:
        now_is = progress_of(replay)
        passed = f", {now_is.passed_over:,} passed over" if now_is.passed_over else ""
        return f"{now_is.asked:,} of {now_is.total:,}{'+' if now_is.is_bounded else ''}{passed}"

    @admin.display(description="state")
    def state(self, replay: Replay) -> str:
        now_is = progress_of(replay)
        return format_html('<span class="badge {}">{}</span>', now_is.kind, now_is.state)


def in_words(which: dict[str, Any] | None, *, with_name: bool = False) -> str:
    """Which deliveries it is for; None: some that were chosen by hand."""
    if which is None:
        return "chosen in the list"
    endpoint = which.get("endpoint_id")
    named = Endpoint.objects.filter(pk=endpoint).first() if endpoint and with_name else None
    page = reverse("admin:delivery_endpoint_change", args=[endpoint]) if endpoint else ""
    parts = [
        " and ".join(str(Delivery.State(state).label).lower() for state in which["states"]),
        format_html('to <a href="{}">{}</a>', page, named or f"endpoint {endpoint}") if endpoint else "",
        f"with error {which['error']}" if "error" in which else "",
        f"made since {which['since']}" if "since" in which else "",
        f"made before {which['until']}" if "until" in which else "",
        "tests too" if "with_tests" in which else "",
    ]
    return format_html_join(", ", "{}", ((part,) for part in parts if part))
