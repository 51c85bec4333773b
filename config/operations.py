"""What machines ask of a running Postrider: is it alive, is it ready, how does it do. Tells no secret."""

from hmac import compare_digest

from django.conf import settings
from django.contrib import admin
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.middleware.common import CommonMiddleware
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config import metrics, readiness

PATHS = ("/healthz", "/readyz", "/metrics")


class HostChecked(CommonMiddleware):
    """Refuses requests to hosts that are none of ours, but for probes: they call machines by their address.

    What they get does not depend on the host, and holds no link that one could forge.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path_info in PATHS else super().process_request(request)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive. Asks nobody, so that a database that is down restarts no web process."""
    return HttpResponse("ok", "text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if everything works that deliveries need; else 503, what is wrong, and what to do."""
    faults = readiness.faults(timezone.now())
    found = [{"check": check, "fault": what, "do": do} for check, (what, do) in faults.items()]
    return JsonResponse({"is_ready": not faults, "faults": found}, status=503 if faults else 200)


@never_cache
@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """The numbers, for who may see them."""
    try:
        if not _may_see_metrics(request):
            return _refused()
        return HttpResponse(metrics.text(timezone.now()), metrics.CONTENT_TYPE)
    except Error:
        return HttpResponse("The database does not answer; /readyz says more.\n", "text/plain", 503)


def _may_see_metrics(request: HttpRequest) -> bool:
    """Whoever has the token, and staff; without a token anybody, but not in production."""
    token = settings.POSTRIDER_METRICS_TOKEN
    if not token and not settings.PRODUCTION:
        return True
    given = request.headers.get("Authorization", "").encode(errors="replace")
    if token and compare_digest(given, f"Bearer {token}".encode(errors="replace")):
        return True
    return admin.site.has_permission(request)


def _refused() -> HttpResponse:
    what = "For staff, and for who sends the token of POSTRIDER_METRICS_TOKEN (Authorization: Bearer …).\n"
    headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
    return HttpResponse(what, "text/plain; charset=utf-8", 401, headers=headers)
