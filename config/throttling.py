"""Who guesses passwords has to wait: what django-axes asks us, the page that says so, and its pruning.

Failures are counted in the database, so for all processes together, by user name and address: somebody who
tries a user's name from elsewhere does not lock that user out.
"""

from datetime import timedelta

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

BATCH = 1000
MOST_BATCHES = 200  # of a table in one run; the next hour goes on
_LONGEST_NAME = 150  # as that of a user


def user_name(request: HttpRequest, credentials: dict[str, object] | None = None) -> str | None:
    """Whom they want to be, as long as a name can be: longer ones are nobody's, and would not be stored."""
    name = (credentials or {}).get("username") or request.POST.get("username")
    return None if name is None else str(name).replace("\x00", "")[:_LONGEST_NAME]


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """429, in words that help."""
    minutes = settings.POSTRIDER_LOGIN_MINUTES
    context = {"title": "Too many failed logins", "minutes": minutes}
    answer = render(request, "admin/locked_out.html", context, status=429)
    answer.headers["Retry-After"] = str(minutes * 60)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def prune() -> int:
    """Takes away failures that lock nobody out any more, logins on record too long, sessions that are over.

    In small steps, and not more than a task can bear; how many rows.
    """
    now = timezone.now()
    over = now - settings.AXES_COOLOFF_TIME
    old = now - timedelta(days=settings.POSTRIDER_KEEP_DAYS)
    return (
        _take_away(AccessAttempt.objects.filter(attempt_time__lt=over))
        + _take_away(AccessLog.objects.filter(attempt_time__lt=old))
        + _take_away(Session.objects.filter(expire_date__lt=now))
    )


def _take_away(rows: QuerySet[AccessAttempt] | QuerySet[AccessLog] | QuerySet[Session]) -> int:
    gone = 0
    for _ in range(MOST_BATCHES):
        pks = list(rows.order_by().values_list("pk", flat=True)[:BATCH])
        gone += rows.filter(pk__in=pks).delete()[0] if pks else 0
        if len(pks) < BATCH:
            break
    return gone
