"""`/v2/accountvaults` and the token of a payment: stored by orders, shown to nobody, gone when removed."""

from typing import Any

import pytest

from customers.models import Location
from orders import lifecycle
from orders.models import Order, StoredPaymentMethod
from tests.api.clients import Integrator
from tests.api.test_orders import CREAM, VISA, act, post

TOKEN = "tok_9f8e7d6c5b4a"


def test_a_payment_with_a_token_stores_it(api: Integrator, here: Location) -> None:
    answer = post(api, here, status="COMPLETE", payments=[{**VISA, "token": TOKEN}])
    (vault,) = api.get("accountvaults").body["accountvaults"]
    assert (vault["contact_id"], vault["first_six"], vault["last_four"], vault["exp_date"]) == (
        *(answer.body["order"]["contact_id"], "411111", "1111", "12/2030"),
    )
    (paid,) = api.get("transactions").body["transactions"]
    assert (paid["account_vault_id"], paid["is_accountvault"]) == (vault["id"], True)
    assert StoredPaymentMethod.objects.get().token == TOKEN
    for address in (
        "accountvaults",
        f"accountvaults/{vault['id']}",
        "transactions",
        "orders?expand=transactions",
    ):
        assert TOKEN not in str(api.get(address).body)


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("complete_sale", {"payments": [{**VISA, "token": TOKEN}]}),
        ("hold_for_qa", {"payment": {**VISA, "token": TOKEN}}),
        ("add_upsell", {"payment": {**VISA, "token": TOKEN}, "items": [CREAM]}),
    ],
)
def test_so_does_every_action_that_takes_a_payment(
    api: Integrator, here: Location, action: str, details: dict[str, Any]
) -> None:
    status = "COMPLETE" if action == "add_upsell" else "PARTIAL"
    order = post(api, here, status=status).body["order"]
    assert act(api, order, action, **details).status == 200
    assert StoredPaymentMethod.objects.get().token == TOKEN


@pytest.mark.parametrize("token", ["4111111111111111", "tok_4111 1111 1111 1111", "x" * 101])
def test_a_token_that_cannot_be_one_is_named(api: Integrator, here: Location, token: str) -> None:
    answer = post(api, here, status="COMPLETE", payments=[{**VISA, "token": token}])
    assert answer.status == 422 and list(answer.errors) == ["payments.0.token"]
    assert token not in str(answer.body)
    assert not Order.objects.exists()


def test_one_that_was_removed_is_gone(api: Integrator, here: Location) -> None:
    post(api, here, status="COMPLETE", payments=[{**VISA, "token": TOKEN}])
    stored = StoredPaymentMethod.objects.get()
    lifecycle.remove_payment_method(stored, by="admin:jane")
    assert api.get("accountvaults").body["accountvaults"] == []
    assert api.get(f"accountvaults/{stored.public_id}").status == 409
    (paid,) = api.get("transactions").body["transactions"]
    assert paid["account_vault_id"] == stored.public_id
