"""What `data` says: each resource as it was, in the key order of its documentation, with what is embedded."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from postbacks.resources import embedding, payments, purchases
from postbacks.resources.contact import contact
from postbacks.resources.reading import Around, Subject, around

__all__ = ["EMBEDDABLE", "Around", "Subject", "around", "data_of"]

RESOURCES: Mapping[str, Callable[[Subject, Around], dict[str, Any]]] = {
    "contact": contact,
    "transaction": payments.transaction,
    "transactionbatch": payments.batch,
    "accountvault": payments.vault,
    "order": purchases.order,
    "subscription": purchases.subscription,
}
EMBEDDABLE: Mapping[str, tuple[str, ...]] = {
    "contact": ("location", "changelogs", "tags"),
    "transaction": ("contact", "location", "account_vault", "changelogs", "tags"),
    "transactionbatch": ("location", "changelogs"),
    "accountvault": ("contact", "location", "changelogs", "tags", "account_vault_cau_logs"),
    "order": ("contact", "location", "fulfillments", "changelogs", "tags"),
    "subscription": ("contact", "location", "changelogs", "tags"),
}


def data_of(subject: Subject, known: Around, embedded: Sequence[str] = ()) -> dict[str, Any]:
    """The resource as plain JSON values, keys in their order, what is embedded behind them."""
    said = RESOURCES[subject.resource](subject, known)
    return {**said, **{name: embedding.BY_NAME[name](subject, known) for name in embedded}}
