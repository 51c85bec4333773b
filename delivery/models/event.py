"""The event log: one row for everything that happened, written with the change, never changed.

But for one thing: when a customer is erased, what is personal leaves the data (`events.empty`).
"""

from typing import Any

from django.db import models


class AppendOnly(models.QuerySet["Event"]):
    """Refuses what would rewrite history."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError("Events are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Events are never deleted.")


class WritingTransaction(models.Func):
    """The id of the transaction that inserts the row; 0 on SQLite, where one transaction writes at a time."""

    output_field = models.BigIntegerField()

    def as_postgresql(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[str | int, ...]]:
        return "(pg_current_xact_id()::text::bigint)", ()

    def as_sqlite(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[str | int, ...]]:
        return "0", ()


class Event(models.Model):
    """Something that happened to a customer or an order. `events.record` is the only writer."""

    class Muted(models.TextChoices):
        """Why no subscriber may act on the event."""

        NO = "", "not muted"
        OLD = "old", "too old when recorded"
        QUIET = "quiet", "imported quietly"

    tx_id = models.BigIntegerField(db_default=WritingTransaction())
    type = models.CharField(max_length=100)
    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.PROTECT, null=True, related_name="events")
    order = models.ForeignKey("orders.Order", models.PROTECT, null=True, related_name="events")
    # Only what cannot be read back later: amounts, reasons, old values.
    data = models.JSONField(default=dict)
    by = models.CharField(max_length=150)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    muted = models.CharField(max_length=5, choices=Muted, default=Muted.NO, blank=True)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # What a sweep walks: by (transaction, id), because ids alone do not commit in order.
            models.Index(fields=["tx_id", "id"], name="event_to_sweep", condition=models.Q(muted="")),
            models.Index(fields=["recorded_at"], name="event_recorded", condition=models.Q(muted="")),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Events are written by delivery.events.record and never changed.")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Events are never deleted.")
