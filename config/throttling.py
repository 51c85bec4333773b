"""Who guesses passwords has to wait: what django-axes asks us, the page that says so, and its pruning.

Failures are counted in the database, so for all processes together, by user name and address: somebody who
tries a user's name from elsewhere does not lock that user out.
"""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

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
_NETWORK_BITS = 64  # whoever has one IPv6 address has all of these


def client_address(request: HttpRequest) -> str:
    """Where the request came from, as far as it can be believed.

    Headers are believed of POSTRIDER_PROXIES machines: each has added, at the right of X-Forwarded-For, whom
    it talked to. What stands further left was written by whoever asked. Of IPv6 the network.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    proxies = settings.POSTRIDER_PROXIES
    believed = hops[-proxies] if 0 < proxies <= len(hops) else ""
    return _plain(believed) or _plain(request.META.get("REMOTE_ADDR", "")) or "0.0.0.0"  # noqa: S104


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


def _plain(text: str) -> str:
    """An address as it is stored; "" for what is none. Ports and brackets of proxies are left out."""
    try:
        address = ip_address(text.partition("]")[0].lstrip("[") if text.startswith("[") else text)
    except ValueError:
        host, _, port = text.rpartition(":")
        return _plain(host) if port.isdigit() and host.count(".") == 3 else ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), _NETWORK_BITS), strict=False).network_address)
    return str(address)
