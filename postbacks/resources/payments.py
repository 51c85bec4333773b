"""Transactions, settlement batches and stored payment methods, as the API answers them."""

from datetime import datetime
from typing import Any

from orders.api.transactions import AccountVaultAnswer, BatchAnswer, TransactionAnswer
from orders.models import SettlementBatch, StoredPaymentMethod
from postbacks.resources.reading import Around, Subject

_TRANSACTION, _BATCH, _VAULT = TransactionAnswer(), BatchAnswer(), AccountVaultAnswer()


def transaction(subject: Subject, known: Around) -> dict[str, Any]:
    """A batch that was closed after the event was open then."""
    row = subject.row
    row.order = known.order(subject)
    row.gateway = known.gateways.get(row.gateway_id)
    row.batch = _as_it_was(known.batches.get(row.batch_id), subject.change.at)
    row.subscription = known.subscriptions.get(row.subscription_id)
    row.payment_method = known.vault(subject)
    said: dict[str, Any] = _TRANSACTION.to_representation(row)
    return said


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


def _as_it_was(batch: SettlementBatch | None, at: datetime | None) -> SettlementBatch | None:
    if batch is None or at is None or batch.closed_at is None or batch.closed_at <= at:
        return batch
    return SettlementBatch(number=batch.number)
