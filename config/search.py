"""The search box of every page: straight to the one that is meant, else what there is, by kind.

Everything is found by an index, or in the small table of the export profiles: no look through a big one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config.menu import may_see
from customers import search as customers
from customers.models import Customer
from delivery.models import Delivery, Proof
from delivery.screens import as_id
from exports.models import ExportProfile
from orders import search as orders
from orders.models import Order

MOST_LISTED = 20
MOST_TYPED = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found. `is_exact`: what was typed names it, and is no mere part of its name."""

    url: str
    name: str
    about: tuple[str, ...] = ()
    badge: str = ""
    badge_class: str = ""
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind; `more_url` is "" if that is all of it."""

    title: str
    hits: tuple[Hit, ...]
    more_url: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be found, who may see it, and the list that shows more of it."""

    title: str
    model: str
    find: Callable[[str], list[Hit]]  # one more than MOST_LISTED says that there are more

    @property
    def permission(self) -> str:
        app, model = self.model.split("_")
        return f"{app}.view_{model}"

    def list_url(self, term: str) -> str:
        return f"{reverse(f'admin:{self.model}_changelist')}?{urlencode({'q': term})}"


def search(request: HttpRequest) -> HttpResponse:
    """What this person may see of what is called so."""
    term = request.GET.get("q", "").replace("\x00", "").strip()[:MOST_TYPED]
    kinds = [kind for kind in KINDS if may_see(request, kind.permission)]
    groups = [group for kind in kinds if (group := _group(kind, term)) is not None] if term else []
    if (only := _the_only_one(groups)) is not None:
        return HttpResponseRedirect(only.url)
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "found_by": term,
        "groups": groups,
        "kinds": [kind.title for kind in kinds],
        "by_name": _lists_by_name(kinds, term) if term else [],
    }
    return TemplateResponse(request, "admin/search.html", context)


def _group(kind: Kind, term: str) -> Group | None:
    hits = kind.find(term)
    if not hits:
        return None
    more = kind.list_url(term) if len(hits) > MOST_LISTED else ""
    return Group(kind.title, tuple(hits[:MOST_LISTED]), more)


def _the_only_one(groups: Iterable[Group]) -> Hit | None:
    hits = [hit for group in groups for hit in group.hits]
    exact = [hit for hit in hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None


def _lists_by_name(kinds: Iterable[Kind], term: str) -> list[tuple[str, str]]:
    """The lists that look for parts of names too, which takes longer."""
    return [(kind.title, kind.list_url(term)) for kind in kinds if kind.model in _BY_NAME]


def _customers(term: str) -> list[Hit]:
    pks = customers.identified(term)[: MOST_LISTED + 1]
    found = Customer.objects.filter(pk__in=pks).select_related("location").order_by("-pk")
    return [_customer(one) for one in found]


def _customer(customer: Customer) -> Hit:
    place = f"{customer.city} {customer.country}".strip()
    about = (customer.email, customer.phone, place, customer.location.name)
    url = reverse("admin:customers_customer_change", args=[customer.pk])
    badge = "erased" if customer.is_erased else "deleted" if customer.deleted_at else ""
    return Hit(url, str(customer), tuple(text for text in about if text), badge, "cancelled")


def _orders(term: str) -> list[Hit]:
    pks = orders.numbered(term)[: MOST_LISTED + 1]
    found = Order.objects.filter(pk__in=pks).select_related("customer").order_by("-pk")
    return [_order(one) for one in found]


def _order(order: Order) -> Hit:
    url = reverse("admin:orders_order_change", args=[order.pk])
    about = (f"{order.total} {order.currency}", str(order.customer), f"{order.created_at:%Y-%m-%d}")
    return Hit(url, order.client_order_id, about, order.get_status_display(), order.status.lower())


def _deliveries(term: str) -> list[Hit]:
    """One, by its id; also if only the proof of it is left."""
    wanted = term.lower()
    delivery = Delivery.objects.defer("content").filter(pk=wanted).first()
    if delivery is None:
        proof = Proof.objects.filter(pk=wanted).first()
        delivery = proof.as_delivery() if proof else None
    if delivery is None:
        return []
    url = reverse("admin:delivery_delivery_change", args=[delivery.pk])
    about = (delivery.target_name, f"{delivery.created_at:%Y-%m-%d %H:%M}")
    return [Hit(url, delivery.pk, about, delivery.get_state_display(), delivery.state)]


def _profiles(term: str) -> list[Hit]:
    """By number, or by a part of the name: they are few."""
    by_number = list(ExportProfile.objects.filter(pk=as_id(term) or 0))
    by_name = ExportProfile.objects.filter(name__icontains=term).exclude(pk__in=[one.pk for one in by_number])
    return [_profile(one, term) for one in [*by_number, *by_name[: MOST_LISTED + 1]]]


def _profile(profile: ExportProfile, term: str) -> Hit:
    url = reverse("admin:exports_exportprofile_change", args=[profile.pk])
    badge = ("on", "active") if profile.is_active else ("off", "inactive")
    is_exact = term.casefold() == profile.name.casefold()  # their numbers are those of customers too
    return Hit(url, profile.name, (f"export profile {profile.pk}",), *badge, is_exact)


KINDS = (
    Kind("Customers", "customers_customer", _customers),
    Kind("Orders", "orders_order", _orders),
    Kind("Deliveries", "delivery_delivery", _deliveries),
    Kind("Export profiles", "exports_exportprofile", _profiles),
)
_BY_NAME = ("customers_customer", "orders_order")
