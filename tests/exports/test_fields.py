"""Every field that may be mapped, read from orders that the lifecycle really made."""

from decimal import Decimal

import orjson
import pytest

from exports import fields
from exports.fields import FIELDS
from orders import lifecycle
from orders.lifecycle import Line, Payment
from orders.models import Order
from tests.exports.fields_store import (
    BY,
    LATER,
    SOLD,
    Store,
    a_partial,
    a_sale,
    a_store,
    an_empty_partial,
    read,
    reading,
)

pytestmark = pytest.mark.django_db

# Every name that the reference lists, as it spells it (§1.6), by its headings.
DOCUMENTED = [
    *("clientOrderId", "orderId", "originalOrderId", "originalClientOrderId"),
    *("externalOrderId", "orderType", "orderStatus", "orderDate", "dateCreated"),
    *("timeCreated", "dateUpdated", "acquisitionDate", "orderTotal", "totalPrice"),
    *("totalShipping", "totalDiscount", "salesTax", "basePrice", "price"),
    *("recurringPrice", "baseShipping", "discountPrice", "currencyCode"),
    *("currencySymbol", "couponCode", "hasUpsells", "hasUpsell"),
    *("replacedByOrderItemId", "isDeclineSave", "salesUrl", "customerType"),
    *("customerId", "fullName", "name", "firstName", "lastName", "companyName"),
    *("emailAddress", "phoneNumber", "address1", "address2", "city", "state", "country"),
    *("postalCode", "ipAddress", "userAgent", "httpReferer"),
    *("shipFullName", "shipFirstName", "shipLastName", "shipCompanyName"),
    *("shipAddress1", "shipAddress2", "shipCity", "shipState", "shipCountry"),
    "shipPostalCode",
    *("paySource", "cardType", "cardLast4", "cardBin", "cardExpiryDate"),
    *("cardIsDebit", "cardIsPrepaid", "achAccountNumber", "achAccountType"),
    *("achRoutingNumber", "avsResponse", "cvvResponse", "gatewayTitle"),
    *("transactionId", "actualTransactionId", "clientTxnId", "responseType"),
    "declineReason",
    *("purchaseId", "clientPurchaseId", "recurringStatus", "billingCycleNumber"),
    "nextBillDate",
    *("dateRefunded", "refundReason", "refundRemaining", "chargebackAmount"),
    *("chargebackDate", "chargebackNote", "chargebackReasonCode"),
    *("fulfillmentStatus", "trackingNumber", "shipCarrier", "shipMethod"),
    "rmaNumber",
    *("campaignId", "campaignName", "funnelReferenceId", "sourceId", "affId", "pubId"),
    *("subAffId", "sourceValue1", "sourceValue2", "sourceValue3", "sourceValue4"),
    *("sourceValue5", "UTMSource", "UTMMedium", "UTMCampaign", "UTMTerm"),
    "UTMContent",
    *("custom1", "custom2", "custom3", "custom4", "custom5", "customFields"),
    *("orderCustomFields", "customerCustomFields"),
]
PARTS = [
    *("id", "name", "sku", "crmId", "externalId", "campaignProductId", "price", "qty"),
    *("recurringstatus", "billingCycleNumber", "nextBillDate", "purchaseId"),
    *("clientPurchaseId", "productCategoryId", "productCategoryName"),
]
NUMBERED = [f"product{place}_{part}" for place in range(1, 6) for part in PARTS]
OURS = [
    *("eventId", "eventType", "eventTime", "cancelReason", "agentNote", "items", "isTest"),
    *("refundAmount", "dateOfBirth"),
]


@pytest.fixture
def store() -> Store:
    return a_store()


def test_every_documented_name_is_there_and_no_other_but_ours() -> None:
    assert len(DOCUMENTED) == 118
    assert sorted(FIELDS) == sorted([*DOCUMENTED, *NUMBERED, *OURS])


def test_names_are_found_however_they_are_capitalised() -> None:
    assert fields.find("firstName") is FIELDS["firstName"]
    assert fields.find(" FIRSTNAME ") is FIELDS["firstName"]
    assert fields.find("static") is None
    assert fields.find("nonsense") is None
    assert len({name.lower() for name in FIELDS}) == len(FIELDS)


def test_screens_get_each_field_once_under_a_heading() -> None:
    groups = fields.groups()
    assert len({heading for heading, _ in groups}) == len(groups)
    assert [field.name for _, found in groups for field in found] == list(FIELDS)


def test_sensitive_fields() -> None:
    sensitive = {field.name for field in FIELDS.values() if field.is_sensitive}
    assert sensitive == {"achAccountNumber", "achRoutingNumber", "dateOfBirth"}


def test_an_empty_partial_has_a_value_for_every_field(store: Store) -> None:
    order = an_empty_partial(store.location)
    facts = reading(order, "order.partial", "Partial")
    told = {name: field.read(facts) for name, field in FIELDS.items()}
    assert all(type(value) in (str, int, list, dict) for value in told.values())
    filled = {name for name, value in told.items() if value not in ("", 0, "0.00", [], {})}
    assert filled == {
        *("clientOrderId", "orderId", "originalOrderId", "originalClientOrderId", "orderType", "orderStatus"),
        *("orderDate", "dateCreated", "timeCreated", "dateUpdated", "acquisitionDate", "currencyCode"),
        *("currencySymbol", "customerId", "customerType", "eventId", "eventType", "eventTime"),
    }


def _sent_back(order: Order) -> Order:
    lifecycle.ship(order, by=BY, tracking_number="1Z", ship_carrier="UPS", ship_method="Ground")
    lifecycle.deliver(order, by=BY)
    lifecycle.issue_rma(order, by=BY)
    lifecycle.receive_rma(order, by=BY)
    lifecycle.refund(order, by=BY, amount="1.00")
    return lifecycle.charge_back(order, by=BY)


def test_no_field_raises_whatever_became_of_the_order(store: Store) -> None:
    subscription = a_sale(store).subscriptions.get()
    lifecycle.decline_rebill(subscription, by=BY, reason="Card expired")
    lifecycle.rebill(subscription, by=BY)
    orders = [
        a_partial(store),
        lifecycle.decline(a_partial(store), by=BY, reason="No money"),
        lifecycle.hold_for_qa(a_partial(store), by=BY),
        _sent_back(a_sale(store)),
        lifecycle.cancel_order(a_sale(store), by=BY, reason="Out of stock"),
        *Order.objects.filter(type=Order.Type.RECURRING),
        subscription.order,
    ]
    for order in orders:
        for event_type in sorted(set(order.events.values_list("type", flat=True)) | {""}):
            facts = reading(order, event_type)
            told = {name: field.read(facts) for name, field in FIELDS.items()}
            orjson.dumps(told)
            assert not any(value is None or isinstance(value, bool | float) for value in told.values())


def test_reading_costs_no_query(store: Store, django_assert_num_queries: object) -> None:
    order = _sent_back(a_sale(store))
    facts = reading(order, "order.refunded")
    with django_assert_num_queries(0):  # type: ignore[operator]
        for field in FIELDS.values():
            field.read(facts)


def test_amounts_of_an_order_with_upsell_and_shipping(store: Store) -> None:
    order = lifecycle.add_upsell(
        a_sale(store, discount=Decimal("5.00"), total=Decimal("-5.00")),
        by=BY,
        lines=[Line(store.cream, Decimal("20.00"), shipping=Decimal("1.00"))],
    )
    facts = reading(order, "order.upsell", "Upsell")
    assert read(
        facts, "totalPrice", "orderTotal", "totalShipping", "totalDiscount", "basePrice", "price"
    ) == [
        *("99.85", "73.90", "5.95", "5.00", "78.90", "98.90"),
    ]
    assert read(facts, "baseShipping", "discountPrice", "hasUpsell", "hasUpsells") == ["5.95", "5.00", 1, 1]
    assert read(facts, "currencyCode", "currencySymbol") == ["USD", "$"]


def test_mills_are_rounded_to_cents(store: Store) -> None:
    order = lifecycle.create_partial(
        by=BY,
        location=store.location,
        customer=store.customer,
        lines=[Line(store.cream, Decimal("0.0850"), 12)],
    )
    assert read(reading(order), "product1_price", "orderTotal") == ["0.09", "1.02"]


def test_times_are_those_of_the_location_to_the_second(store: Store) -> None:
    facts = reading(a_sale(store), "order.sale")
    assert read(facts, "orderDate", "dateCreated", "timeCreated", "eventTime") == [
        "2026-05-04 14:05:09",
        "2026-05-04 14:01:00",
        "14:01:00",
        "2026-05-04 14:05:09",
    ]
    assert read(facts, "nextBillDate") == "2026-06-03"


def test_a_partial_has_the_date_it_was_begun_as_its_order_date(store: Store) -> None:
    assert read(reading(a_partial(store)), "orderDate", "acquisitionDate") == ["2026-05-04 14:01:00"] * 2


def test_the_person_the_card_and_the_campaign(store: Store) -> None:
    order = a_sale(store, ip_address="203.0.113.9", ship_first_name="Bob", ship_city="Chicago")
    facts = reading(order, "order.sale")
    assert read(facts, "fullName", "firstName", "emailAddress", "phoneNumber", "customerId") == [
        *("Ada Lovelace", "Ada", "ada@example.com", "555 1234567"),
        store.customer.pk,
    ]
    assert read(facts, "shipFullName", "shipCity", "ipAddress") == ["Bob", "Chicago", "203.0.113.9"]
    assert read(facts, "campaignId", "campaignName") == [store.campaign.pk, "Lander"]
    sale = order.transactions.get()
    assert read(
        facts, "paySource", "cardType", "cardLast4", "cardExpiryDate", "gatewayTitle", "transactionId"
    ) == [
        *("CREDITCARD", "VISA", "1111", "05/2029", "Main gateway", "ch_1"),
    ]
    assert read(facts, "actualTransactionId", "clientTxnId", "responseType", "cardIsDebit") == [
        *(sale.pk, sale.client_txn_id, "SUCCESS", 0),
    ]


def test_a_refund_tells_of_itself_also_when_another_followed(store: Store) -> None:
    order = a_sale(store)
    lifecycle.refund(order, by=BY, at=LATER, amount="10.00", reason="Damaged")
    first = reading(order, "order.refunded", "All refunds")
    lifecycle.refund(order, by=BY, amount="20.00", reason="Late")
    facts = reading(order, "order.refunded", "All refunds")
    facts.event = first.event
    assert read(facts, "refundAmount", "refundReason", "refundRemaining", "dateRefunded") == [
        *("10.00", "Damaged", "73.85", "2026-05-19 22:30:00"),
    ]
    row = order.transactions.filter(type="REFUND").earliest("id")
    assert read(facts, "actualTransactionId", "transactionId", "cardExpiryDate") == [
        row.pk,
        "ch_1",
        "05/2029",
    ]
    assert read(reading(order), "refundAmount", "refundReason", "refundRemaining") == [
        "30.00",
        "Late",
        "53.85",
    ]


def test_a_chargeback(store: Store) -> None:
    order = lifecycle.charge_back(
        a_sale(store), by=BY, at=LATER, amount="5", reason_code="4853", note="Never came"
    )
    names = ("chargebackAmount", "chargebackReasonCode", "chargebackNote", "chargebackDate")
    told = ["5.00", "4853", "Never came", "2026-05-19 22:30:00"]
    assert read(reading(order, "order.charged_back"), *names) == told
    assert read(reading(order, "order.sale"), *names) == told


def test_a_declined_rebill_is_about_its_own_try(store: Store) -> None:
    subscription = a_sale(store).subscriptions.get()
    lifecycle.decline_rebill(subscription, by=BY, at=LATER, reason="Card expired")
    facts = reading(subscription.order, "subscription.rebill_declined", "Rebill Decline")
    assert read(facts, "responseType", "declineReason", "cardLast4") == [
        "SOFT_DECLINE",
        "Card expired",
        "1111",
    ]
    assert read(facts, "purchaseId", "recurringStatus", "recurringPrice", "billingCycleNumber") == [
        *(subscription.pk, "RECYCLE_BILLING", "29.00", 1),
    ]
    assert read(reading(subscription.order, "order.sale"), "responseType", "declineReason") == ["SUCCESS", ""]


def test_a_rebill_is_a_new_order_that_names_the_first(store: Store) -> None:
    subscription = a_sale(store).subscriptions.get()
    lifecycle.rebill(subscription, by=BY, at=LATER)
    subscription.refresh_from_db()
    made = Order.objects.get(type=Order.Type.RECURRING)
    facts = reading(made, "order.recurring", "Recurring Order")
    facts.case.subscriptions.append(subscription)  # as the sweep does
    first = subscription.order
    assert read(
        facts, "originalOrderId", "originalClientOrderId", "orderType", "billingCycleNumber", "purchaseId"
    ) == [
        *(first.pk, first.client_order_id, "RECURRING", 2, subscription.pk),
    ]
    assert read(facts, "acquisitionDate", "dateCreated") == ["2026-05-04 14:01:00", "2026-05-19 22:30:00"]
    assert read(reading(first), "originalOrderId") == first.pk


def test_the_subscription_is_that_of_the_event(store: Store) -> None:
    other = lifecycle.Line(store.cream, Decimal("9.00"))
    store.cream.is_recurring = True
    store.cream.save()
    order = lifecycle.add_upsell(a_sale(store), by=BY, lines=[other])
    club, *others = order.subscriptions.all()
    lifecycle.cancel_subscription(others[-1], by=BY, reason="Too expensive")
    facts = reading(order, "subscription.cancelled", "Cancel")
    assert read(facts, "purchaseId", "recurringStatus", "cancelReason") == [
        others[-1].pk,
        "CANCELLED",
        "Too expensive",
    ]
    assert read(reading(order), "purchaseId", "recurringStatus") == [club.pk, "ACTIVE"]


def test_recurring_status_before_and_without_a_subscription(store: Store) -> None:
    assert read(reading(a_partial(store)), "recurringStatus", "purchaseId", "recurringPrice") == [
        "PENDING",
        "",
        "",
    ]
    declined = lifecycle.decline(a_partial(store), by=BY, reason="No")
    assert read(reading(declined), "recurringStatus", "product2_recurringstatus") == [
        "CANCELLED",
        "CANCELLED",
    ]
    plain = lifecycle.create_partial(
        by=BY, location=store.location, customer=store.customer, lines=[Line(store.cream, Decimal(1))]
    )
    assert read(reading(plain), "recurringStatus", "product1_recurringstatus") == ["ONE_TIME", "ONE_TIME"]


def test_parcels_and_returns(store: Store) -> None:
    order = a_sale(store)
    lifecycle.ship(order, by=BY, tracking_number="1Z", ship_carrier="UPS", ship_method="Ground")
    facts = reading(order, "fulfillment.shipped", "Fulfillment Shipped")
    assert read(facts, "fulfillmentStatus", "trackingNumber", "shipCarrier", "shipMethod") == [
        *("SHIPPED", "1Z", "UPS", "Ground"),
    ]
    lifecycle.issue_rma(order, by=BY, rma_number="R-7")
    assert read(reading(order, "rma.issued"), "rmaNumber", "fulfillmentStatus") == ["R-7", "RMA_PENDING"]


def test_attribution_and_custom_values_of_any_kind(store: Store) -> None:
    attribution = {"affId": "A17", "sourceValue3": 7, "UTMSource": "news", "sourceId": None, "pubId": True}
    custom = {"custom1": "blue", "size": ["S", "XL"], "empty": "", "ratio": 1.5}
    facts = reading(a_partial(store, attribution=attribution, custom_fields=custom))
    assert read(facts, "affId", "sourceValue3", "UTMSource", "sourceId", "pubId", "subAffId") == [
        *("A17", 7, "news", "", 1, ""),
    ]
    assert read(facts, "custom1", "custom2", "customFields") == ["blue", "", 'blue,1.5,["S","XL"]']
    assert read(facts, "orderCustomFields", "customerCustomFields") == [custom, {}]


def test_products_by_place_and_all_items(store: Store) -> None:
    facts = reading(a_sale(store))
    facts.campaign_products = {store.cream.pk: 12}
    subscription = facts.case.subscriptions[0]
    names = (
        "id",
        "name",
        "sku",
        "crmId",
        "externalId",
        "campaignProductId",
        "price",
        "qty",
        "productCategoryName",
    )
    assert read(facts, *(f"product1_{name}" for name in names)) == [
        *(store.cream.pk, "Cream", "C-1", store.cream.pk, "X1", 12, "24.95", 2, "Cosmetics"),
    ]
    assert read(facts, "product2_purchaseId", "product2_clientPurchaseId", "product2_recurringstatus") == [
        *(subscription.pk, subscription.client_purchase_id, "ACTIVE"),
    ]
    assert read(facts, "product3_name", "product5_qty") == ["", ""]
    items = read(facts, "items")
    assert [item["name"] for item in items] == ["Cream", "Club"]
    assert items[0]["shipping"] == "4.95"


def test_more_than_five_items_are_all_in_items(store: Store) -> None:
    lines = [Line(store.cream, Decimal(place)) for place in range(1, 9)]
    order = lifecycle.create_partial(by=BY, location=store.location, customer=store.customer, lines=lines)
    assert [item["price"] for item in read(reading(order), "items")] == [
        f"{place}.00" for place in range(1, 9)
    ]
    assert read(reading(order), "product5_price") == "5.00"


def test_which_event_it_was(store: Store) -> None:
    facts = reading(a_sale(store), "order.sale", "New Sale")
    assert read(facts, "eventId", "eventType", "customerType", "isTest") == [
        facts.event.id,
        "order.sale",
        "New Sale",
        0,
    ]
    preview = reading(a_partial(store))
    assert read(preview, "eventId", "eventType", "eventTime") == ["", "", ""]


def test_several_payments_name_the_first_and_an_upsell_its_own(store: Store) -> None:
    payments = [Payment(amount=Decimal("50"), merchant_txn_id="voucher"), Payment(merchant_txn_id="card")]
    order = lifecycle.complete_sale(a_partial(store), by=BY, at=SOLD, payments=payments)
    lifecycle.add_upsell(
        order, by=BY, lines=[Line(store.cream, Decimal(5))], payment=Payment(merchant_txn_id="upsell")
    )
    assert read(reading(order, "order.sale"), "transactionId") == "voucher"
    assert read(reading(order, "order.upsell"), "transactionId") == "upsell"


def test_emoji_and_right_to_left_text_pass_unchanged(store: Store) -> None:
    name = "😀 שלום עולם Zoë"
    order = a_partial(store, first_name=name, custom_fields={"custom1": name}, agent_note=name)
    assert read(reading(order), "firstName", "custom1", "agentNote") == [name] * 3
