"""Says why, or why not, an order was exported."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from delivery.terminal import shown
from exports.explain import Verdict, explain
from exports.models import ExportProfile
from orders.models import Order


class Command(BaseCommand):
    help = (
        "For each profile: what it made of an order, and the first condition that failed. "
        "Exit status: 0 explained, 2 no such order or profile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("order", help="order number, numeric id, or the store's own id")
        parser.add_argument("--profile", type=int, metavar="ID", help="only this profile")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        order = _order(options["order"])
        verdicts = explain(order, _profile(options["profile"]))
        if options["json"]:
            result = {"order": order.client_order_id, "order_id": order.pk, "status": order.status}
            result["verdicts"] = [_as_json(verdict) for verdict in verdicts]
            self.stdout.write(json.dumps(result))
            return
        self.stdout.write(f"Order {order.client_order_id} ({order.get_status_display()})")
        if not verdicts:
            self.stdout.write("  There is no export profile in its location.")
        for verdict in verdicts:
            kind = f" ({verdict.customer_type})" if verdict.customer_type else ""
            mark = {"exported": "yes", "waiting": "wait", "not": "no"}[verdict.outcome]
            delivery = f"  [{verdict.delivery_id}]" if verdict.delivery_id else ""
            line = f"{verdict.profile.name}{kind}: {verdict.reason}{delivery}"
            self.stdout.write(f"  {mark:<4} {shown(line)}")


def _order(text: str) -> Order:
    wanted = Q(client_order_id=text.upper()) | Q(external_order_id=text)
    if text.isascii() and text.isdigit() and len(text) < 19:
        wanted |= Q(pk=int(text))
    found = list(Order.objects.filter(wanted)[:3]) if text else []
    exact = [one for one in found if one.client_order_id == text.upper()] or found
    if not exact:
        raise CommandError(f"There is no order “{shown(text[:60])}”.", returncode=2)
    if len(exact) > 1:
        numbers = ", ".join(one.client_order_id for one in exact)
        raise CommandError(
            f"“{shown(text[:60])}” could be several orders: {numbers}. Give the order number.", returncode=2
        )
    return exact[0]


def _profile(profile_id: int | None) -> ExportProfile | None:
    if profile_id is None:
        return None
    profile = ExportProfile.objects.filter(pk=profile_id).first()
    if profile is None:
        raise CommandError(f"There is no export profile {profile_id}.", returncode=2)
    return profile


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "profile_id": verdict.profile.pk,
        "profile": verdict.profile.name,
        "customer_type": verdict.customer_type,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "delivery_id": verdict.delivery_id,
        "happened_at": verdict.happened_at.isoformat() if verdict.happened_at else None,
    }
