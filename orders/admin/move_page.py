"""The dialog of one move: what it needs, what will happen, who will be told; and then it is made, once."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from delivery.screens import actor
from orders.admin import moves
from orders.admin.move_forms import MoveForm, called, products
from orders.admin.moves import Offer
from orders.cases import Case
from orders.lifecycle import MoveRefused

DIALOG = "admin/orders/order/move_dialog.html"


def may_move(request: HttpRequest) -> bool:
    return request.user.has_perm("orders.change_order")


@require_http_methods(["GET", "POST"])
def move_view(request: HttpRequest, order_id: int, key: str) -> HttpResponse:
    """GET asks, POST makes. In a dialog for htmx, else as a page."""
    case, offer = _found(request, order_id, key)
    if request.method == "POST":
        form = MoveForm(offer, case, request.POST)
        return _make(request, case, offer, form)
    if _asks_for(request) == "foreseen":
        form = MoveForm(offer, case, request.GET)
        return TemplateResponse(request, "admin/orders/order/foreseen.html", _foreseen(offer, case, form))
    form = MoveForm(offer, case, initial={"seen": moves.last_event(order_id)})
    return _page(request, offer, case, form)


@require_GET
def products_view(request: HttpRequest, order_id: int) -> HttpResponse:
    """The products whose name has what was typed so far, for the list under the field."""
    _require(request)
    case = _case(order_id)
    found = [called(one) for one in products(case, request.GET.get("product", ""))]
    return TemplateResponse(request, "admin/orders/order/products.html", {"products": found})


def _make(request: HttpRequest, case: Case, offer: Offer, form: MoveForm) -> HttpResponse:
    if not form.is_valid():
        return _page(request, offer, case, form, status=422)
    order_id, seen = case.order.pk, form.cleaned_data["seen"]
    try:
        offer.make(case.order, by=actor(request), details=form.details, seen=seen)
    except MoveRefused as refusal:
        return _refused(request, offer, case, form, refusal)
    what = "; ".join(moves.in_words(moves.news(order_id, seen)))
    messages.success(request, f"{offer.label}: {what}." if what else f"Done: {offer.label}.")
    return _back(request, case)


def _refused(
    request: HttpRequest, offer: Offer, case: Case, form: MoveForm, refusal: MoveRefused
) -> HttpResponse:
    """The form again, with what the lifecycle says; on the order as it is now."""
    now = _case(case.order.pk)
    data = {**request.POST.dict(), "seen": str(moves.last_event(case.order.pk))}
    fresh = moves.offer_called(offer.key, now) or offer
    again = MoveForm(fresh, now, data)
    again.is_valid()
    again.add_error(None, str(refusal))
    return _page(request, fresh, now, again, status=422)


def _page(
    request: HttpRequest, offer: Offer, case: Case, form: MoveForm, *, status: int = 200
) -> HttpResponse:
    context = {
        **_foreseen(offer, _case(case.order.pk), form),
        "order": case.order,
        "form": form,
        "has_details": bool(form.visible_fields()),
        "refusal": offer.refusal(case),
        "products": [called(one) for one in products(case, "")] if offer.takes("lines") else [],
        "title": f"{offer.label}: order {case.order.client_order_id}",
    }
    if request.htmx:  # type: ignore[attr-defined]
        return TemplateResponse(request, DIALOG, context, status=status)
    context |= admin.site.each_context(request)
    return TemplateResponse(request, "admin/orders/order/move.html", context, status=status)


def _foreseen(offer: Offer, case: Case, form: MoveForm) -> dict[str, Any]:
    """What will happen with what the form says; nothing if it cannot happen so. The case is spent."""
    context = {"order": case.order, "offer": offer, "is_test": case.order.is_test}
    needs_choices = offer.takes("lines") or offer.takes("item")
    is_ready = form.is_valid() if form.is_bound else not needs_choices
    if not is_ready:
        return context
    try:
        foreseen = offer.foresee(case, form.details if form.is_bound else {})
    except MoveRefused as refusal:
        return {**context, "why_not": str(refusal)}
    return {**context, "foreseen": foreseen, "what": moves.in_words(foreseen)}


def _back(request: HttpRequest, case: Case) -> HttpResponse:
    """To the order's page as it is now."""
    page = reverse("admin:orders_order_change", args=[case.order.pk])
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)


def _found(request: HttpRequest, order_id: int, key: str) -> tuple[Case, Offer]:
    _require(request)
    case = _case(order_id)
    offer = moves.offer_called(key, case)
    if offer is None:
        raise Http404("There is no such move.")
    return case, offer


def _case(order_id: int) -> Case:
    case = moves.load(order_id)
    if case is None:
        raise Http404("There is no such order.")
    return case


def _require(request: HttpRequest) -> None:
    if not may_move(request):
        raise PermissionDenied


def _asks_for(request: HttpRequest) -> str:
    """The id of the element that htmx wants to fill."""
    return str(request.htmx.target or "")  # type: ignore[attr-defined]
