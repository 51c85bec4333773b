"""Transactions, settlement batches and stored payment methods, as the API answers them."""

from typing import Any

from orders.api.transactions import AccountVaultAnswer, BatchAnswer, TransactionAnswer
from orders.models import StoredPaymentMethod
from postbacks.resources.reading import Around, Subject

_TRANSACTION, _BATCH, _VAULT = TransactionAnswer(), BatchAnswer(), AccountVaultAnswer()


def transaction(subject: Subject, known: Around) -> dict[str, Any]:
    """Beside what the API says: the stored payment method of the same card."""
    row = subject.row
    row.order = known.order(subject)
    row.gateway = known.gateways.get(row.gateway_id)
    row.batch = known.batches.get(row.batch_id)
    row.subscription = known.subscriptions.get(row.subscription_id)
    said: dict[str, Any] = _TRANSACTION.to_representation(row)
    stored = known.vault(subject)
    vault_id = stored.public_id if stored else None
    return {**said, "account_vault_id": vault_id, "is_accountvault": stored is not None}


def batch(subject: Subject, known: Around) -> dict[str, Any]:
    row = subject.row
    row.gateway = known.gateways.get(row.gateway_id)
    said: dict[str, Any] = _BATCH.to_representation(row)
    return said


def vault(subject: Subject, known: Around) -> dict[str, Any]:
    return vault_of(subject.row, subject, known)


def vault_of(row: StoredPaymentMethod, subject: Subject, known: Around) -> dict[str, Any]:
    row.customer = known.customer(subject)
    said: dict[str, Any] = _VAULT.to_representation(row)
    return said
