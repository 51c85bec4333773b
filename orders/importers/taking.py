"""One batch of stories becomes customers, orders and events: in one transaction, by the lifecycle's moves."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Min

from customers import services as customers
from customers.models import Customer, Location
from delivery import texts
from orders import lifecycle
from orders.importers import catalog, credits, progress
from orders.importers.catalog import Catalog
from orders.importers.presets.layout import Reject, Told
from orders.importers.reports import Tally
from orders.importers.stories import Story
from orders.lifecycle import Case, MoveRefused, Work
from orders.models import Fulfillment, Order, OrderItem, Transaction

MOST = Decimal("9999999999.99")


@dataclass(frozen=True, slots=True)
class Intake:
    """Where a batch goes, who brings it, and where its rejected lines are noted."""

    location: Location
    by: str
    quiet: bool
    reject: Reject


def take(told: Told, intake: Intake) -> Tally:
    """Writes what is new in these stories and credits; all of it, or nothing if the process dies."""
    tally = Tally()
    with transaction.atomic():
        # One import at a time in a location: two of the same file would both find an order missing.
        Location.objects.select_for_update(no_key=True).get(pk=intake.location.pk)
        with _batch(intake) as work:
            known = _known(work, intake.location, told.stories)
            new = [story for story in told.stories if story.external_id not in known and _fits(story, intake)]
            ready = catalog.ready(intake.location, told.stories)
            _create(work, new, ready, intake, tally)
            _continue(work, told, known, ready, intake, tally)
        _count(work, tally)
        if told.credits:
            with _batch(intake) as work:
                tally.orders_changed += credits.take(work, told.credits, intake.location, intake.reject)
            _count(work, tally)
    return tally


def _batch(intake: Intake) -> AbstractContextManager[Work]:
    return lifecycle.batch(by=intake.by, past=True, quiet=intake.quiet)


def _known(work: Work, location: Location, stories: Sequence[Story]) -> dict[str, Case]:
    """The orders that are in already, by the source's id."""
    found = Order.objects.filter(
        location=location, external_order_id__in=[story.external_id for story in stories]
    )
    ids = dict(found.values_list("pk", "external_order_id"))
    return {ids[pk]: case for pk, case in work.load(ids).items()} if ids else {}


def _fits(story: Story, intake: Intake) -> bool:
    """Judged before anybody is taken in, so that no customer stays without the order that brought him."""
    reason = texts.fault_in(Customer, story.person) or texts.fault_in(Order, _columns(story))
    fields = story.fields
    total = story.cost + fields.get("sales_tax", Decimal(0)) - fields.get("discount", Decimal(0))
    if not reason and total < 0:
        reason = "The discount is more than the order costs."
    if not reason and max(total, story.paid) > MOST:
        reason = "The total of the order is out of range."
    if reason:
        intake.reject(story.record, reason)
    return not reason


def _columns(story: Story) -> dict[str, Any]:
    person = story.person
    return {
        "external_order_id": story.external_id,
        "first_name": person.get("first_name", ""),
        "last_name": person.get("last_name", ""),
        "company_name": person.get("company_name", ""),
        "email": person.get("email", ""),
        "phone": person.get("cell_phone", ""),
        "address1": person.get("address", ""),
        "address2": person.get("address2", ""),
        "city": person.get("city", ""),
        "state": person.get("state", ""),
        "postal_code": person.get("zip", ""),
        "country": person.get("country", ""),
        **story.fields,
    }


def _create(work: Work, stories: list[Story], ready: Catalog, intake: Intake, tally: Tally) -> None:
    people = _people(stories, intake, tally)
    originals = _originals(stories, people)
    for story, customer in zip(stories, people, strict=True):
        original = originals.get(customer.pk) if story.is_repeat else None
        try:
            case = _partial(work, story, customer, original, ready)
        except MoveRefused as refused:
            intake.reject(story.record, str(refused))
            continue
        if story.is_repeat:
            originals.setdefault(customer.pk, case.order)
        for fact in story.facts:
            progress.move(work, case, fact, story, ready, intake.reject)
        tally.orders_new += 1


def _people(stories: list[Story], intake: Intake, tally: Tally) -> list[Customer]:
    newest = Customer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    people = customers.take_in(
        intake.location,
        [story.person for story in stories],
        by=intake.by,
        at=[story.at for story in stories],
        quiet=intake.quiet,
    )
    tally.customers = len({customer.pk for customer in people if customer.pk > newest})
    tally.events = tally.customers
    return people


def _originals(stories: list[Story], people: list[Customer]) -> dict[int, Order]:
    """The first sale to each person whose later ones are recurring."""
    ids = {customer.pk for story, customer in zip(stories, people, strict=True) if story.is_repeat}
    if not ids:
        return {}
    sold = Order.objects.filter(customer_id__in=ids, ordered_at__isnull=False, original_order__isnull=True)
    first = dict(sold.values_list("customer_id").annotate(first=Min("pk")))
    orders = Order.objects.in_bulk(first.values())
    return {customer_id: orders[pk] for customer_id, pk in first.items()}


def _partial(work: Work, story: Story, customer: Customer, original: Order | None, ready: Catalog) -> Case:
    repeated = {"type": Order.Type.RECURRING, "original_order": original} if original else {}
    return lifecycle.create_partial_in(
        work,
        location=customer.location,
        customer=customer,
        lines=progress.lines(story.items, ready),
        awaited=[] if story.is_billed else progress.payments(story, ready),
        at=story.at,
        campaign=ready.campaigns.get(story.campaign),
        oddities=list(story.oddities),
        **_columns(story),
        **repeated,
    )


def _continue(
    work: Work, told: Told, known: dict[str, Case], ready: Catalog, intake: Intake, tally: Tally
) -> None:
    for story in told.stories:
        case = known.get(story.external_id)
        if case is None:
            continue
        if progress.catch_up(work, case, story, ready, intake.reject):
            tally.orders_changed += 1
        else:
            tally.orders_unchanged += 1


def _count(work: Work, tally: Tally) -> None:
    """What it has written."""
    transactions = work.new(Transaction)
    refunds = sum(row.type == Transaction.Type.REFUND for row in transactions)
    tally.items += len(work.new(OrderItem))
    tally.refunds += refunds
    tally.payments += len(transactions) - refunds
    tally.fulfillments += len(work.new(Fulfillment))
    tally.events += work.event_count
