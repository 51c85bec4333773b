"""What in our tables is not personal, and why: all that erasing a customer leaves as it is.

The rest is what the erasers empty (`delivery.erasing.Eraser.columns`). A column that is in neither fails
`test_every_column_is_emptied_or_here`.
"""

OURS = "an id, a number or a name that we made, or a digest of it"
WORD = "a word of ours"
STAFF = "who of the staff, which program or which file did it"
SETTING = "what staff set up; it is about partners and products, not about a customer"
SHOPS_ID = "the shop's own id: without it the same order would come in once more"
PROOF = "what proves that something was sent, when, to whom and how it ended"
MONEY = "how something was paid or carried, which is the same for many"

# By model; a text instead of columns is for all of them.
KEPT: dict[str, str | dict[str, str]] = {
    "audit.Change": "settings before and after, and names of customers as numbers only: changes of customers "
    "are events",
    "config.RoleGrant": SETTING,
    "customers.AccessToken": OURS,
    "customers.ApiKey": {"digest": OURS, "start": OURS, "created_by": STAFF},
    "customers.ApiUser": {"public_id": OURS, "developer_id": OURS, "name": STAFF},
    "customers.Customer": {"public_id": OURS},
    "customers.Location": SETTING,
    "delivery.Attempt": {
        **{"method": PROOF, "error": WORD, "phases": "milliseconds", "asked_by": STAFF},
        "remote_address": "the partner's",
    },
    "delivery.Count": PROOF,
    "delivery.Delivery": {
        **{"id": OURS, "channel": WORD, "target_name": SETTING, "reason": WORD, "asked_by": STAFF},
        **{"last_error": WORD, "kept_on": PROOF},
    },
    "delivery.Endpoint": SETTING,
    "delivery.Event": {"type": WORD, "by": STAFF},
    "delivery.Lease": OURS,
    "delivery.Proof": PROOF,
    "delivery.Replay": {
        **{"filter": "states, times, ids of deliveries and words of ours", "by": STAFF},
        **{"cursor": OURS, "until": OURS, "stopped_by": STAFF},
    },
    "delivery.SigningSecret": SETTING,
    "demo.ReceivedRequest": {"name": SETTING, "method": PROOF, "webhook_id": OURS},
    "exports.Export": PROOF,
    "exports.ExportProfile": SETTING,
    "exports.ExportedAgain": PROOF,
    "exports.FieldMapping": SETTING,
    "exports.Route": SETTING,
    "orders.Campaign": SETTING,
    "orders.CampaignProduct": SETTING,
    "orders.Fulfillment": {
        **{"ship_carrier": MONEY, "ship_method": MONEY},
        "rma_number": "the number of a return, by which what comes back is known",
    },
    "orders.Gateway": SETTING,
    "orders.Order": {
        **{"client_order_id": OURS, "external_order_id": SHOPS_ID, "currency": MONEY},
        "oddities": "sentences of ours about the order of moves",
    },
    "orders.OrderItem": {"external_id": SHOPS_ID},
    "orders.Product": SETTING,
    "orders.SettlementBatch": OURS,
    "orders.StoredPaymentMethod": {"public_id": OURS, "pay_source": MONEY, "card_type": MONEY},
    "orders.Subscription": {"client_purchase_id": OURS, "next_bill_date": "a date of the store's"},
    "orders.Transaction": {
        **{"public_id": OURS, "client_txn_id": OURS, "pay_source": MONEY, "card_type": MONEY},
        "merchant_txn_id": "the gateway's own id, by which the payment is found in its books",
        "external_id": SHOPS_ID,
    },
    "postbacks.Postback": PROOF,
    "postbacks.PostbackConfig": SETTING,
    "postbacks.Watch": SETTING,
    "rest.Allowance": "an API user, or an address that failed to log in, for a minute",
    "rest.RememberedAnswer": {"caller": STAFF, "key": OURS, "fingerprint": OURS},
}
