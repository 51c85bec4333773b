"""What `data` says: each resource as it was, in the key order of its documentation, with what is embedded."""

from collections.abc import Mapping, Sequence
from typing import Any

from postbacks.resources import contact, embedding, payments, purchases
from postbacks.resources.reading import Around, Subject, around

__all__ = ["EMBEDDABLE", "Around", "Subject", "around", "data_of"]

KEYS: Mapping[str, Mapping[str, Any]] = {
    "contact": contact.KEYS,
    "transaction": payments.TRANSACTION,
    "transactionbatch": payments.BATCH,
    "accountvault": payments.VAULT,
    "order": purchases.ORDER,
    "subscription": purchases.SUBSCRIPTION,
}
EMBEDDABLE: Mapping[str, tuple[str, ...]] = {
    "contact": ("location", "changelogs", "tags"),
    "transaction": ("contact", "location", "account_vault", "changelogs", "tags"),
    "transactionbatch": ("location", "changelogs"),
    "accountvault": ("contact", "location", "changelogs", "tags", "account_vault_cau_logs"),
    "order": ("contact", "location", "changelogs", "tags"),
    "subscription": ("contact", "location", "changelogs", "tags"),
}


def data_of(subject: Subject, known: Around, embedded: Sequence[str] = ()) -> dict[str, Any]:
    """The resource as plain JSON values, keys in their order, what is embedded behind them."""
    said = {key: read(subject, known) for key, read in KEYS[subject.resource].items()}
    return {**said, **{name: embedding.BY_NAME[name](subject, known) for name in embedded}}
