"""The promise: for whatever happens to an order, exactly the profiles of its customer types are told, once.

Each story is what the lifecycle makes happen, with a sweep wherever it yields; beside it stand the customer
types that fire, in the order of the documentation. A profile for each of the 23 types listens.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from customers import services as customers
from delivery.models import Delivery
from exports import customer_types
from exports.explain import EXPORTED, NOT, WAITING, explain
from exports.models import Export, ExportProfile, Route
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Campaign, Order, Product, Subscription
from tests.exports.partners import BY, CARD, Store, a_partial, a_profile, a_sale, a_store, sweep_all

pytestmark = pytest.mark.django_db(transaction=True)

Told = Iterator[None]
Story = Callable[[Store], Told]
STORIES: dict[str, tuple[Story, list[str]]] = {}


def fires(*labels: str) -> Callable[[Story], Story]:
    """Of the story: the customer types of all deliveries that follow from it."""

    def decorate(story: Story) -> Story:
        STORIES[story.__name__] = (story, sorted(labels))
        return story

    return decorate


# --- incomplete orders -------------------------------------------------------------------------------


@fires("Partial", "Lead")
def a_visitor_leaves_before_choosing(store: Store) -> Told:
    a_partial(store)
    yield


@fires("Partial", "Abandoned Cart")
def a_visitor_leaves_a_cart(store: Store) -> Told:
    a_partial(store, store.cream)
    yield


@fires("Partial", "Abandoned Cart")
def a_cart_changes_again_and_again(store: Store) -> Told:
    order = a_partial(store, store.cream)
    for _ in range(3):
        lifecycle.update_cart(order, by=BY, lines=[Line(store.cream, Decimal("5.00"), 2)])
        yield


@fires("Partial", "Lead", "Abandoned Cart")
def a_lead_chooses_later(store: Store) -> Told:
    order = a_partial(store)
    yield
    lifecycle.update_cart(order, by=BY, lines=[Line(store.cream, Decimal("5.00"))])
    yield


@fires("Partial", "Abandoned Cart")
def a_lead_chooses_before_the_run(store: Store) -> Told:
    order = a_partial(store)
    lifecycle.update_cart(order, by=BY, lines=[Line(store.cream, Decimal("5.00"))])
    yield


@fires("Partial", "Abandoned Cart", "New Sale")
def a_partial_buys_after_the_run(store: Store) -> Told:
    order = a_partial(store, store.cream)
    yield
    lifecycle.complete_sale(order, by=BY, payments=[CARD])
    yield


@fires()
def a_partial_is_cancelled(store: Store) -> Told:
    lifecycle.cancel_order(a_partial(store, store.cream), by=BY)
    yield


# --- sales -------------------------------------------------------------------------------------------


@fires("New Sale")
def a_sale_before_the_run(store: Store) -> Told:
    a_sale(store)
    yield


@fires("New Sale", "Subscription Started")
def a_sale_with_a_recurring_product(store: Store) -> Told:
    a_sale(store, store.cream, store.club)
    yield


@fires("New Sale", "Subscription Started", "Subscription Started")
def a_sale_with_two_recurring_products(store: Store) -> Told:
    tea = Product.objects.create(location=store.location, name="Tea", sku="TEA", is_recurring=True)
    a_sale(store, store.club, tea)
    yield


@fires("New Sale", "Upsell")
def an_upsell(store: Store) -> Told:
    lifecycle.add_upsell(a_sale(store), by=BY, lines=[Line(store.cream, Decimal("9.00"))])
    yield


@fires("New Sale", "Upsell", "Upsell")
def two_upsells(store: Store) -> Told:
    order = a_sale(store)
    for _ in range(2):
        lifecycle.add_upsell(order, by=BY, lines=[Line(store.cream, Decimal("9.00"))])
        yield


@fires("New Sale", "Upsell", "Subscription Started")
def an_upsell_of_a_recurring_product(store: Store) -> Told:
    lifecycle.add_upsell(a_sale(store), by=BY, lines=[Line(store.club, Decimal("9.00"))])
    yield


@fires("New Sale", "Subscription Started")
def a_product_is_made_recurring_after_the_sale(store: Store) -> Told:
    tea = Product.objects.create(location=store.location, name="Tea", sku="TEA2")
    order = a_sale(store, tea)
    yield
    Product.objects.filter(pk=tea.pk).update(is_recurring=True)
    lifecycle.start_subscription(order, by=BY, item=order.items.get())
    yield


@fires("Decline")
def a_decline(store: Store) -> Told:
    lifecycle.decline(a_partial(store, store.cream), by=BY, reason="Do not honor", payment=CARD)
    yield


@fires("Decline", "New Sale")
def a_decline_that_is_saved(store: Store) -> Told:
    order = lifecycle.decline(a_partial(store, store.cream), by=BY, payment=CARD)
    yield
    lifecycle.complete_sale(order, by=BY, payments=[CARD])
    yield


@fires("New Sale")
def a_sale_is_cancelled(store: Store) -> Told:
    order = a_sale(store)
    yield
    lifecycle.cancel_order(order, by=BY, reason="changed her mind")
    yield


# --- quality assurance -------------------------------------------------------------------------------


def held(store: Store) -> Order:
    return lifecycle.hold_for_qa(a_partial(store, store.cream, store.club), by=BY, payment=CARD)


@fires("QA Pending")
def an_order_held_for_qa(store: Store) -> Told:
    held(store)
    yield
    yield


@fires("QA Pending", "New Sale", "Subscription Started")
def qa_approves(store: Store) -> Told:
    order = held(store)
    yield
    lifecycle.approve_qa(order, by=BY)
    yield


@fires("QA Pending", "New Sale", "Subscription Started")
def qa_approves_before_the_run(store: Store) -> Told:
    lifecycle.approve_qa(held(store), by=BY)
    yield


@fires("QA Pending", "Decline")
def qa_declines(store: Store) -> Told:
    order = held(store)
    yield
    lifecycle.decline_qa(order, by=BY, reason="fraud")
    yield


# --- subscriptions -----------------------------------------------------------------------------------


def subscribed(store: Store) -> Subscription:
    return Subscription.objects.get(order=a_sale(store, store.club))


def on_subscription(*moves: Any) -> Story:
    def story(store: Store) -> Told:
        subscription = subscribed(store)
        for move in moves:
            move(subscription, by=BY)
        yield

    return story


_SUBSCRIPTION_STORIES: list[tuple[str, list[Any], list[str]]] = [
    ("a_notice_before_the_bill", [lifecycle.prebill], ["Pre-Billing"]),
    ("two_notices", [lifecycle.prebill, lifecycle.prebill], ["Pre-Billing", "Pre-Billing"]),
    ("a_rebill", [lifecycle.rebill], ["Recurring Order"]),
    ("two_rebills", [lifecycle.rebill, lifecycle.rebill], ["Recurring Order", "Recurring Order"]),
    ("a_rebill_is_declined", [lifecycle.decline_rebill], ["Rebill Decline"]),
    (
        "recycling_succeeds",
        [lifecycle.decline_rebill, lifecycle.rebill],
        ["Rebill Decline", "Recurring Order"],
    ),
    (
        "recycling_gives_up",
        [lifecycle.decline_rebill, lifecycle.decline_rebill, lifecycle.fail_recycle],
        ["Rebill Decline", "Rebill Decline", "Recycle Failed"],
    ),
    ("a_subscription_is_paused", [lifecycle.pause], ["Pause"]),
    ("paused_and_reactivated", [lifecycle.pause, lifecycle.reactivate], ["Pause", "Reactivate"]),
    ("a_subscription_is_cancelled", [lifecycle.cancel_subscription], ["Cancel"]),
    (
        "cancelled_and_reactivated",
        [lifecycle.cancel_subscription, lifecycle.reactivate],
        ["Cancel", "Reactivate"],
    ),
]
for _name, _moves, _labels in _SUBSCRIPTION_STORIES:
    STORIES[_name] = (on_subscription(*_moves), sorted([*_labels, "New Sale", "Subscription Started"]))


@fires("New Sale", "Subscription Started", "Cancel")
def an_order_is_cancelled_with_its_subscription(store: Store) -> Told:
    lifecycle.cancel_order(a_sale(store, store.club), by=BY)
    yield


@fires("New Sale", "Subscription Started", "Recurring Order", "All refunds", "Full refunds")
def a_rebill_is_refunded(store: Store) -> Told:
    subscription = subscribed(store)
    lifecycle.rebill(subscription, by=BY)
    lifecycle.refund(Order.objects.get(original_order=subscription.order_id), by=BY)
    yield


# --- money that goes back ----------------------------------------------------------------------------


@fires("New Sale", "All refunds", "Full refunds")
def a_full_refund(store: Store) -> Told:
    lifecycle.refund(a_sale(store), by=BY, reason="broken")
    yield


@fires("New Sale", "All refunds", "Partial refunds")
def a_partial_refund(store: Store) -> Told:
    lifecycle.refund(a_sale(store), by=BY, amount="5.00")
    yield


@fires("New Sale", "All refunds", "Partial refunds", "All refunds", "Full refunds")
def a_refund_in_two_parts(store: Store) -> Told:
    order = a_sale(store)
    lifecycle.refund(order, by=BY, amount="5.00")
    lifecycle.refund(order, by=BY)
    yield


@fires("New Sale", "Chargeback")
def a_chargeback(store: Store) -> Told:
    lifecycle.charge_back(a_sale(store), by=BY)
    yield


@fires("New Sale", "Chargeback")
def a_chargeback_is_reverted(store: Store) -> Told:
    order = lifecycle.charge_back(a_sale(store), by=BY)
    lifecycle.revert_chargeback(order, by=BY)
    yield


# --- parcels -----------------------------------------------------------------------------------------


@fires("New Sale", "Fulfillment Shipped")
def a_parcel_leaves(store: Store) -> Told:
    lifecycle.ship(a_sale(store), by=BY, tracking_number="1Z")
    yield


@fires("New Sale", "Fulfillment Shipped", "Fulfillment delivered", "RMA issued", "RMA received")
def a_parcel_goes_all_the_way_and_comes_back(store: Store) -> Told:
    order = a_sale(store)
    for move in (lifecycle.ship, lifecycle.deliver, lifecycle.issue_rma, lifecycle.receive_rma):
        move(order, by=BY)
    yield


# --- what is nobody's business -----------------------------------------------------------------------


@fires()
def the_customer_changes(store: Store) -> Told:
    customers.update(store.customer, by=BY, city="Chicago")
    customers.add_note(store.customer, "Called back", by=BY)
    yield


@fires("New Sale")
def further_sweeps_add_nothing(store: Store) -> Told:
    a_sale(store)
    for _ in range(4):
        yield


# --- the proof ---------------------------------------------------------------------------------------


def listeners(store: Store) -> dict[str, ExportProfile]:
    """A profile for each customer type, by its label."""
    return {
        kind.label: a_profile(store, f"http://127.0.0.1/{kind.key}", (), kind.key, name=kind.label)
        for kind in customer_types.ALL
    }


def tell(store: Store, stories: dict[str, Story], **order: Any) -> dict[str, list[str]]:
    """The stories side by side, each of a customer of its own; what was fired for each customer, sorted."""
    people = {name: customers.create(store.location, by=BY, first_name=name) for name in stories}
    running = {name: story(replace(store, customer=people[name])) for name, story in stories.items()}
    while running:
        running = {name: told for name, told in running.items() if next(told, running) is None}
        sweep_all()
    fired = defaultdict(list)
    deliveries = Delivery.objects.order_by("reason").values_list("event__customer__first_name", "reason")
    for name, label in deliveries:
        fired[name].append(label)
    return {name: fired[name] for name in stories}


def test_every_story_fires_exactly_its_customer_types() -> None:
    store = a_store()
    by_label = listeners(store)
    fired = tell(store, {name: story for name, (story, _) in STORIES.items()})
    assert fired == {name: labels for name, (_, labels) in STORIES.items()}
    owners = set(Delivery.objects.values_list("reason", "target_id"))
    assert owners == {(label, profile.pk) for label, profile in by_label.items()}  # each its own, all 23
    for order in Order.objects.all():
        assert_explained(order)


def assert_explained(order: Order) -> None:
    """Why / why not agrees with what was sent, and has a word for every profile."""
    said = explain(order)
    sent = set(Delivery.objects.filter(event__order=order).values_list("pk", flat=True))
    assert {one.delivery_id for one in said if one.outcome == EXPORTED} == sent
    assert {one.profile.name for one in said} == {kind.label for kind in customer_types.ALL}
    assert not [one for one in said if one.outcome == WAITING or not one.reason]


def test_the_table_tells_of_all_customer_types() -> None:
    told = {label for _, labels in STORIES.values() for label in labels}
    assert told == {kind.label for kind in customer_types.ALL} and len(told) == 23


# --- test card orders --------------------------------------------------------------------------------

TEST_CARDS = {
    "type TESTCARD": Payment(card_type="TESTCARD", card_last4="1111"),
    "type testcard": Payment(card_type="TestCard"),
    "last four 0000": Payment(card_type="VISA", card_last4="0000"),
}


def test_orders_that_are_flagged_as_tests_fire_nothing_whatever_happens() -> None:
    store = replace(a_store(), is_test=True)
    listeners(store)
    fired = tell(store, {name: story for name, (story, _) in STORIES.items()})
    assert not [name for name, labels in fired.items() if labels]
    skipped = set(Export.objects.values_list("customer_type", "skip", "is_final", "delivery_id"))
    assert skipped == {(kind.key, "test", True, "") for kind in customer_types.ALL}
    for order in Order.objects.all():
        assert order.is_test
        assert {(one.outcome, one.reason) for one in explain(order)} == {(NOT, "test card order")}


def test_orders_paid_by_a_test_card_fire_nothing() -> None:
    store = a_store()
    listeners(store)
    for card in TEST_CARDS.values():
        paid = lifecycle.complete_sale(a_partial(store, store.club), by=BY, payments=[card])
        lifecycle.decline(a_partial(store, store.cream), by=BY, payment=card)
        held_back = lifecycle.hold_for_qa(a_partial(store, store.cream), by=BY, payment=card)
        lifecycle.approve_qa(held_back, by=BY)
        lifecycle.rebill(Subscription.objects.get(order=paid), by=BY)
        lifecycle.refund(paid, by=BY)
    assert Order.objects.count() == 4 * len(TEST_CARDS)  # the orders of the rebills among them
    for _ in range(2):  # before the sweep and after it
        for order in Order.objects.all():
            assert {(one.outcome, one.reason) for one in explain(order)} == {(NOT, "test card order")}
        sweep_all()
        assert not Delivery.objects.exists()


def test_a_partial_that_turns_out_to_be_a_test_fires_nothing_more() -> None:
    store = a_store()
    listeners(store)
    order = a_partial(store, store.cream)
    sweep_all()
    lifecycle.complete_sale(order, by=BY, payments=[TEST_CARDS["last four 0000"]])
    sweep_all()
    assert sorted(Delivery.objects.values_list("reason", flat=True)) == ["Abandoned Cart", "Partial"]


# --- routes ------------------------------------------------------------------------------------------


def routed(store: Store, name: str, *routes: Route) -> ExportProfile:
    from exports import services

    profile = a_profile(store, "http://127.0.0.1/", name=name)
    for route in profile.routes.all():
        services.remove_route(route, by=BY)
    for route in routes:
        services.add_route(
            profile,
            customer_type=route.customer_type,
            campaign=route.campaign,
            product=route.product,
            by=BY,
        )
    return profile


def taken(profile: ExportProfile) -> list[str]:
    rows = Delivery.objects.filter(target_id=profile.pk).order_by("event_id")
    return [row.event.order.client_order_id for row in rows if row.event and row.event.order]


def numbers(*orders: Order) -> list[str]:
    return [order.client_order_id for order in orders]


def test_routes_ask_for_a_campaign() -> None:
    store = a_store()
    other = Campaign.objects.create(location=store.location, name="Lander 2")
    here = routed(store, "one", Route(customer_type="new_sale", campaign=store.campaign))
    both = routed(
        store,
        "two",
        Route(customer_type="new_sale", campaign=store.campaign),
        Route(customer_type="new_sale", campaign=other),
    )
    every = routed(store, "all", Route(customer_type="new_sale"))
    first, second = a_sale(store), a_sale(store, campaign=other)
    third = a_sale(store, campaign=None)
    sweep_all()
    assert taken(here) == numbers(first)
    assert taken(both) == numbers(first, second)
    assert taken(every) == numbers(first, second, third)


def test_routes_ask_for_a_product() -> None:
    store = a_store()
    cream = routed(store, "cream", Route(customer_type="new_sale", product=store.cream))
    club = routed(store, "club", Route(customer_type="partial", product=store.club))
    with_cream = a_sale(store, store.cream, store.club)
    a_sale(store, store.club)
    cart = a_partial(store, store.club)
    a_partial(store, store.cream)
    a_partial(store)
    sweep_all()
    assert taken(cream) == numbers(with_cream)
    assert taken(club) == numbers(cart)


def test_routes_ask_for_the_product_of_the_subscription() -> None:
    """Of an order with two subscriptions, the one that was cancelled or billed counts, not the other."""
    store = a_store()
    tea = Product.objects.create(location=store.location, name="Tea", sku="TEA", is_recurring=True)
    wants = {
        product.name: routed(
            store,
            product.name,
            Route(customer_type="cancel", product=product),
            Route(customer_type="recurring_order", product=product),
            Route(customer_type="subscription_started", product=product),
        )
        for product in (store.club, tea)
    }
    order = a_sale(store, store.club, tea)
    club, drink = Subscription.objects.filter(order=order).order_by("id")
    lifecycle.cancel_subscription(club, by=BY)
    lifecycle.rebill(drink, by=BY)
    sweep_all()

    def reasons(profile: ExportProfile) -> Sequence[str]:
        return sorted(Delivery.objects.filter(target_id=profile.pk).values_list("reason", flat=True))

    assert reasons(wants["Club"]) == ["Cancel", "Subscription Started"]
    assert reasons(wants["Tea"]) == ["Recurring Order", "Subscription Started"]


def test_several_routes_for_the_same_thing_send_it_once() -> None:
    store = a_store()
    profile = routed(
        store,
        "three",
        Route(customer_type="new_sale"),
        Route(customer_type="new_sale", campaign=store.campaign),
        Route(customer_type="new_sale", product=store.cream),
    )
    order = a_sale(store)
    sweep_all()
    assert taken(profile) == numbers(order)


def test_profiles_of_another_location_hear_nothing() -> None:
    store, other = a_store(), a_store("Second store")
    profile = routed(other, "there", Route(customer_type="new_sale"))
    order = a_sale(store)
    sweep_all()
    assert taken(profile) == []
    assert explain(order) == []
    assert [one.reason for one in explain(order, profile)] == ["the profile belongs to another location"]
