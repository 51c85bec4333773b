"""Deliveries and their attempts."""

from datetime import datetime

from django.db import models

from delivery.ids import new_id
from delivery.models.endpoint import Endpoint


class Delivery(models.Model):
    """One thing to be carried to one endpoint. Its id is the `webhook-id` that every attempt repeats.

    The workers' queue is exactly the rows whose `due_at` is set; finishing or holding clears it. Who has
    one in hand holds a lease on it, and does not touch the row itself until its outcome is known.

    On PostgreSQL the table is partitioned by `kept_on`: rows that are not finished are the small working
    set, and what was finished in one span of time lies together and is dropped together (docs/adr/0009).
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        WAITING = "waiting", "Waiting for another try"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.CharField(primary_key=True, max_length=24, default=new_id, editable=False)
    event = models.ForeignKey("delivery.Event", models.PROTECT, null=True, related_name="deliveries")
    channel = models.CharField(max_length=20)
    target_id = models.BigIntegerField()
    target_name = models.CharField(max_length=200)
    target_version = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=60, blank=True)  # what made it go: the customer type, for exports
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="deliveries", db_index=False)
    # What is said, frozen; only the channel reads it. Empty: erased with its customer (`delivery.erasing`).
    content = models.TextField()
    is_test = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts_made = models.PositiveIntegerField(default=0)
    # Of these, asked for by people: they use up nothing of a fixed number of attempts.
    attempts_asked = models.PositiveIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    # Tried before, and not accepted: what is fresh goes first.
    is_late = models.BooleanField(default=False, db_default=False)
    asked_by = models.CharField(max_length=150, blank=True, default="")  # who asked for the next attempt
    last_error = models.CharField(max_length=20, blank=True, default="")
    last_detail = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    # The day it was finished; empty while a worker may want it. Which partition it lies in.
    kept_on = models.DateField(null=True, blank=True, editable=False)

    # Set by a claim: of which lease it is, and when the event of one that was never tried was recorded.
    token: str = ""
    event_recorded_at: datetime | None = None

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        indexes = [
            # The queue of each endpoint, what is fresh and what is late apart.
            models.Index(
                fields=["endpoint", "is_late", "due_at"],
                name="delivery_queue",
                condition=models.Q(due_at__isnull=False),
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_of_endpoint"),
            models.Index(
                fields=["endpoint", "-id"],
                name="delivery_unfinished",
                condition=models.Q(state__in=["pending", "waiting"]),
            ),
            # What staff look for, newest first; what is simply delivered is in none of these.
            models.Index(
                fields=["state", "-id"],
                name="delivery_not_accepted",
                condition=~models.Q(state="delivered"),
            ),
            models.Index(
                fields=["endpoint", "-id"], name="delivery_failed", condition=models.Q(state="failed")
            ),
            models.Index(fields=["-id"], name="delivery_tests", condition=models.Q(is_test=True)),
        ]
        permissions = [
            ("send_again_delivery", "Can send a delivery again"),
            ("view_secrets", "Can see secret values in what was sent"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def is_erased(self) -> bool:
        """Whether what it said is gone. In a list, which does not read the content: a statement each."""
        return not self.content

    @property
    def is_finished(self) -> bool:
        return self.state not in ("pending", "waiting")

    @property
    def is_being_sent(self) -> bool:
        """Whether a worker has it in hand. In a list: with `select_related("lease")`."""
        return self.due_at is not None and getattr(self, "lease", None) is not None


class Lease(models.Model):
    """That a worker has a delivery in hand. When it ends unsettled, the worker is taken for dead.

    A table of its own, as small as what is out: a claim writes a row here, and not the wide row of the
    delivery with all its indexes (docs/adr/0007).
    """

    # No constraint in the database: deliveries are partitioned.
    delivery = models.OneToOneField(
        Delivery, models.CASCADE, primary_key=True, related_name="lease", db_constraint=False
    )
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="+", db_constraint=False)
    token = models.CharField(max_length=24)  # of the claim
    ends_at = models.DateTimeField()
    # Its customer is being erased: whatever comes of it, it is not sent again, and nothing that it said or
    # was answered goes on record.
    is_erased = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"lease {self.token} of delivery {self.delivery_id}"


class Attempt(models.Model):
    """One try of a delivery: what was really sent (secrets blotted) and what came back (bounded)."""

    # No constraint in the database: attempts and deliveries are dropped by their own age.
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts", db_constraint=False)
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    method = models.CharField(max_length=10)
    url = models.TextField()
    request_headers = models.TextField()  # JSON: [[name, value], …]
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=20, blank=True)  # a word of transports.ERRORS; empty: success
    detail = models.CharField(max_length=300, blank=True)
    answer_headers = models.TextField(blank=True)  # JSON: [[name, value], …]
    answer = models.TextField(blank=True)
    is_answer_cut = models.BooleanField(default=False)
    remote_address = models.CharField(max_length=50, blank=True)
    phases = models.TextField(blank=True)  # JSON: {"connected_ms": …, "answered_ms": …}
    asked_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["number", "id"]

    def __str__(self) -> str:
        return f"{self.delivery_id} attempt {self.number}"
