"""Export again: a new delivery of what was taken, by the profile as it is now; the earlier one stays."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from customers.history import history
from delivery.ids import new_id
from delivery.models import Delivery
from exports import again, services
from exports.again import Refused, export_again
from exports.explain import explain
from exports.models import Export, ExportedAgain, ExportProfile
from orders import lifecycle
from orders.models import Order
from tests.exports.partners import (
    BY,
    CARD,
    Store,
    a_partial,
    a_profile,
    a_sale,
    a_store,
    carry,
    field,
    sweep_all,
)
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
WRONG, RIGHT = field("mail", "firstName"), field("mail", "emailAddress")


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def profile(store: Store, receiver: Receiver) -> ExportProfile:
    return a_profile(store, receiver.url(), [WRONG], "new_sale")


def exported(store: Store) -> tuple[Order, Delivery]:
    order = a_sale(store)
    sweep_all()
    carry()
    return order, Delivery.objects.get(event__order=order)


def corrected(profile: ExportProfile) -> None:
    services.set_mappings(profile, [RIGHT], by=BY)


def page_of(delivery_id: str) -> str:
    return reverse("admin:delivery_delivery_change", args=[delivery_id])


def test_what_was_corrected_goes_out_as_a_delivery_of_its_own(
    store: Store, profile: ExportProfile, receiver: Receiver
) -> None:
    _, first = exported(store)
    taken, version = Export.objects.values().get(), first.target_version
    before = Delivery.objects.filter(pk=first.pk).values().get()
    corrected(profile)
    pk = export_again(first, by="admin:jane", asked_as=new_id())
    carry()
    second = Delivery.objects.get(pk=pk)
    assert [request.query for request in receiver.requests] == [
        [("mail", "Ada")],
        [("mail", "ada@example.com")],
    ]
    assert [request.header("webhook-id") for request in receiver.requests] == [first.pk, pk]
    assert (second.state, second.target_version, second.event_id) == (
        "delivered",
        version + 1,
        first.event_id,
    )
    assert Delivery.objects.filter(pk=first.pk).values().get() == before
    assert Export.objects.values().get() == taken
    third = export_again(second, by="admin:jane", asked_as=new_id())
    for one in Delivery.objects.all():  # linked from each to each
        found = [(each.number, each.delivery_id) for each in again.all_of(one)]
        assert found == [(1, first.pk), (2, pk), (3, third)]
    sweep_all()
    assert Delivery.objects.count() == 3  # a run takes nothing anew


def test_history_and_why_say_which_export_it_is(store: Store, profile: ExportProfile) -> None:
    order, first = exported(store)
    pk = export_again(first, by="admin:jane", asked_as=new_id())
    carry()
    said = [line.text for entry in history(store.customer).entries for line in entry.lines]
    assert f"Order {order.client_order_id} exported to '{profile.name}' (New Sale)" in said
    assert f"Order {order.client_order_id} exported to '{profile.name}' (New Sale, export no. 2)" in said
    assert {verdict.delivery_id: verdict.reason for verdict in explain(order)} == {
        first.pk: "matched by route 1: delivered",
        pk: "export no. 2, asked for by admin:jane: delivered",
    }


def test_one_yes_exports_once(store: Store, profile: ExportProfile) -> None:
    _, first = exported(store)
    asked_as = new_id()
    ids = {export_again(first, by=BY, asked_as=asked_as) for _ in range(3)}
    assert len(ids) == 1 and Delivery.objects.count() == 2
    assert export_again(first, by=BY, asked_as=new_id()) not in ids


@pytest.mark.postgres
def test_one_yes_exports_once_also_if_it_comes_twice_at_the_same_moment(
    store: Store, profile: ExportProfile
) -> None:
    _, first = exported(store)
    questions = [new_id(), new_id()]

    def yes(asked_as: str) -> str:
        try:
            return export_again(first, by=BY, asked_as=asked_as)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(yes, questions * 3))
    assert len(set(ids)) == 2
    assert sorted(ExportedAgain.objects.values_list("generation", flat=True)) == [2, 3]


def refusal(delivery: Delivery) -> str:
    """Why it is not exported again; nothing is left behind by the question, or by the yes."""
    count = Delivery.objects.count()
    with pytest.raises(Refused) as asked:
        again.anew(delivery)
    with pytest.raises(Refused) as said:
        export_again(delivery, by=BY, asked_as=new_id())
    assert str(asked.value) == str(said.value)
    assert Delivery.objects.count() == count and not ExportedAgain.objects.exists()
    return str(said.value)


def test_what_a_run_would_not_send_is_not_exported_again(store: Store, profile: ExportProfile) -> None:
    order, first = exported(store)
    services.switch_off(profile, by=BY)
    assert "is switched off" in refusal(first)
    services.switch_on(profile, by=BY, catch_up=False)  # which moves its look-back: of no matter here
    assert again.anew(first).number == 2
    profile.mappings.create(position=9, export_name="born", field="dateOfBirth")
    assert "PCI documentation" in refusal(first)
    profile.mappings.filter(export_name="born").delete()
    ExportProfile.objects.filter(pk=profile.pk).update(type="csv")
    assert "writes CSV files" in refusal(first)
    ExportProfile.objects.filter(pk=profile.pk).update(type="postback", url="")
    assert "no Postback URL" in refusal(first)
    ExportProfile.objects.filter(pk=profile.pk).update(url=profile.url)
    Order.objects.filter(pk=order.pk).update(is_test=True)
    assert "test card order" in refusal(first)
    Order.objects.filter(pk=order.pk).update(is_test=False)
    route = profile.routes.get()
    services.change_route(route, customer_type="new_sale", product=store.club, by=BY)
    assert "route wants product “Club”" in refusal(first)
    services.remove_route(route, by=BY)
    assert "no route for New Sale any more" in refusal(first)


def test_a_partial_that_was_completed_is_none_any_more(store: Store, receiver: Receiver) -> None:
    a_profile(store, receiver.url(), [RIGHT], "partial")
    order = a_partial(store, store.cream)
    sweep_all()
    first = Delivery.objects.get()
    assert again.anew(first).number == 2
    lifecycle.complete_sale(order, by=BY, payments=[CARD])
    assert "not a partial any more" in refusal(first)


def test_a_test_is_not_exported_again(store: Store, profile: ExportProfile) -> None:
    _, first = exported(store)
    Delivery.objects.filter(pk=first.pk).update(is_test=True)
    assert "Only what a profile has exported" in refusal(Delivery.objects.get(pk=first.pk))


def test_the_page_asks_first_and_shows_what_differs(
    store: Store, profile: ExportProfile, admin_user: User
) -> None:
    _, first = exported(store)
    corrected(profile)
    client = Client()
    client.force_login(admin_user)
    page = reverse("admin:exports_again", args=[first.pk])
    assert page in client.get(page_of(first.pk)).content.decode()
    html = client.get(page).content.decode()
    assert "<bdi>?mail=ada%40example.com</bdi>" in html and "<bdi>?mail=Ada</bdi>" in html
    assert "as export no. 2?" in html and Delivery.objects.count() == 1
    for answer in ({}, {"confirmed": "x"}, {"confirmed": "f" * 24}):
        assert client.post(page, answer).status_code == 200 and Delivery.objects.count() == 1
    yes = {"confirmed": html.split('name="confirmed" value="')[1][:24]}
    answers = [client.post(page, yes) for _ in range(2)]
    second = Delivery.objects.exclude(pk=first.pk).get()
    assert [answer["Location"] for answer in answers] == [page_of(second.pk)] * 2
    shown = client.get(page_of(second.pk)).content.decode()
    assert "this is <bdi>export no. 2, asked for by admin:admin</bdi>" in shown and page_of(first.pk) in shown
    assert page_of(second.pk) in client.get(page_of(first.pk)).content.decode()


def test_the_page_says_why_not(store: Store, profile: ExportProfile, admin_user: User) -> None:
    _, first = exported(store)
    services.switch_off(profile, by=BY)
    client = Client()
    client.force_login(admin_user)
    page = reverse("admin:exports_again", args=[first.pk])
    assert "is switched off" in client.get(page).content.decode()
    assert "is switched off" in client.post(page, {"confirmed": new_id()}).content.decode()
    assert client.get(page.replace(first.pk, "%00")).status_code == 404
