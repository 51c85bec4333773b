"""How to verify: an endpoint's page for its receiver's developer, and what staff do with the secret there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from delivery import signing
from delivery.models import Endpoint, SigningSecret
from delivery.screens import ReadOnlyAdmin, actor, as_id
from delivery.secrets import MASK, SecretUnreadable

MASKED = f"{signing.PREFIX}{MASK}"
SAMPLES = Path(__file__).resolve().parent.parent / "samples"
# Receivers can try their code on it. The key is the base64 of a sentence, and nobody's.
EXAMPLE_SECRET = "whsec_UG9zdHJpZGVyIHNheXMgaGVsbG8gdG8gYSByZWNlaXY="  # noqa: S105
EXAMPLE_ID = "0190a5d3e8f07c3b9a416d2e"
EXAMPLE_BODY = b"order=C0FFEE1234&first_name=Zo%C3%AB"
EXAMPLE_AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Sample:
    """Code for one language; `library` is the line that does the same with the published library."""

    language: str
    file: str
    install: str
    library: str
    note: str = ""

    @property
    def code(self) -> str:
        return _text_of(self.file)


ROTATING = "Rotate the signing secret"
READS_JSON = "It also reads the body as JSON, and fails if that is none: use the code above for forms."
ALL_SAMPLES = (
    Sample(
        "Python",
        "verify.py",
        "pip install 'standardwebhooks>=1.1'",
        "standardwebhooks.Webhook(SECRET).verify(body, dict(headers), json_parse=False)",
    ),
    Sample(
        "PHP",
        "verify.php",
        "composer require standard-webhooks/standard-webhooks",
        "(new StandardWebhooks\\Webhook(getenv('WEBHOOK_SECRET')))"
        "->verify($body, array_change_key_case(getallheaders(), CASE_LOWER));",
    ),
    Sample(
        "Node",
        "verify.js",
        "npm install standardwebhooks",
        'new (require("standardwebhooks").Webhook)(SECRET).verify(body, request.headers);',
        READS_JSON,
    ),
)


def doors(pages: ReadOnlyAdmin) -> list[URLPattern]:
    """The addresses of the page and of its buttons, each wrapped as the admin wraps its views."""
    views: dict[str, View] = {
        "signatures": require_GET(_page),
        "signatures/show": require_POST(_show),
        "signatures/rotate": require_http_methods(["GET", "HEAD", "POST"])(_rotate),
        "signatures/stop": require_POST(_stop),
    }
    return [
        path(
            f"<int:endpoint_id>/{name}/",
            pages.admin_site.admin_view(_for_an_endpoint(pages, view)),
            name=f"delivery_endpoint_{name.replace('/', '_')}",
        )
        for name, view in views.items()
    ]


def _for_an_endpoint(pages: ReadOnlyAdmin, view: View) -> View:
    """The view, for those who may look at the endpoint. As of all the admin's pages, no cache keeps it."""

    def checked(request: HttpRequest, endpoint_id: int) -> HttpResponse:
        endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
        if not pages.has_view_permission(request, endpoint):
            raise PermissionDenied
        return view(request, pages, endpoint)

    return checked


def _page(request: HttpRequest, pages: ReadOnlyAdmin, endpoint: Endpoint) -> HttpResponse:
    context = {"secrets": _seen(endpoint), "can_show": request.user.has_perm("delivery.view_secrets")}
    return _drawn(request, pages, endpoint, "signatures", context)


def _show(request: HttpRequest, pages: ReadOnlyAdmin, endpoint: Endpoint) -> HttpResponse:
    """The same page with the secrets on it: only as the answer to a button, and on record."""
    if not request.user.has_perm("delivery.view_secrets"):
        raise PermissionDenied
    signing.provide([endpoint.pk])
    pages.log_change(request, endpoint, "Looked at the signing secret.")
    context = {"secrets": _seen(endpoint, is_shown=True), "is_shown": True}
    return _drawn(request, pages, endpoint, "signatures", context)


def _rotate(request: HttpRequest, pages: ReadOnlyAdmin, endpoint: Endpoint) -> HttpResponse:
    """Asks first what is to become of the old secret; then does it."""
    _require_change(request, pages, endpoint)
    choice = request.POST.get("old")
    if request.method != "POST" or choice not in ("overlap", "stop"):
        in_use = endpoint.signing_secrets.filter(expires_at=None).values_list("pk", flat=True).first()
        return _drawn(request, pages, endpoint, "rotate", {"in_use": in_use or 0, "title": ROTATING})
    replaces = as_id(request.POST.get("replaces", "")) or None
    try:
        overlap = timedelta() if choice == "stop" else None
        signing.rotate(endpoint.pk, by=actor(request), replaces=replaces, overlap=overlap)
    except signing.NotInUse:
        messages.warning(request, "It was rotated a moment ago already; nothing more was done.")
        return _back(endpoint)
    pages.log_change(request, endpoint, f"Rotated the signing secret ({choice}).")
    messages.success(request, "A new secret signs from now on. Give it to the receiver: “Show” shows it.")
    return _back(endpoint)


def _stop(request: HttpRequest, pages: ReadOnlyAdmin, endpoint: Endpoint) -> HttpResponse:
    """An old secret signs nothing any more, before its time."""
    _require_change(request, pages, endpoint)
    secret_id = as_id(request.POST.get("secret", ""))
    if secret_id is not None:
        signing.revoke(endpoint.pk, secret_id, by=actor(request))
        pages.log_change(request, endpoint, "Stopped signing with an old secret.")
    messages.success(request, "The old secret signs nothing any more.")
    return _back(endpoint)


def _require_change(request: HttpRequest, pages: ReadOnlyAdmin, endpoint: Endpoint) -> None:
    if not pages.has_change_permission(request, endpoint):
        raise PermissionDenied


def _back(endpoint: Endpoint) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:delivery_endpoint_signatures", args=[endpoint.pk]))


def _seen(endpoint: Endpoint, *, is_shown: bool = False) -> list[dict[str, Any]]:
    """The secrets that sign at the moment, the one in use first, masked unless they are to be shown."""
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    rows = endpoint.signing_secrets.filter(valid).order_by("-pk").defer("secret")
    return [
        {
            "pk": row.pk,
            "text": _text(row) if is_shown else MASKED,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
        }
        for row in rows[: signing.MOST_OLD + 1]
    ]


def _text(row: SigningSecret) -> str:
    try:
        return str(row.secret)
    except SecretUnreadable as error:
        return str(error)


def _drawn(
    request: HttpRequest, pages: ReadOnlyAdmin, endpoint: Endpoint, name: str, values: dict[str, Any]
) -> HttpResponse:
    context = {
        **pages.admin_site.each_context(request),
        "opts": pages.opts,
        "media": pages.media,
        "endpoint": endpoint,
        "title": f"How to verify: {endpoint.name}",
        "can_rotate": pages.has_change_permission(request, endpoint),
        "overlap_hours": settings.POSTRIDER_SECRET_OVERLAP_HOURS,
        "agent": f"Postrider/{settings.VERSION}",
        "samples": ALL_SAMPLES,
        "example": example(),
        **values,
    }
    return TemplateResponse(request, f"admin/delivery/endpoint/{name}.html", context)


def example() -> Sequence[tuple[str, str]]:
    """A signed request that never was."""
    secrets = [signing.key_of(EXAMPLE_SECRET)]
    headers = signing.headers(EXAMPLE_ID, EXAMPLE_BODY, secrets, int(EXAMPLE_AT.timestamp()))
    return (("secret", EXAMPLE_SECRET), *headers, ("body", EXAMPLE_BODY.decode()))


@cache
def _text_of(file: str) -> str:
    return (SAMPLES / file).read_text(encoding="utf-8")
