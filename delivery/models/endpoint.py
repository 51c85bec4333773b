"""Endpoints: where deliveries go, how well that works, and how much of it they bear."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from delivery.secrets import EncryptedTextField


class Endpoint(models.Model):
    """Where the deliveries of one target go; outlives a change of the address, and knows its health.

    Workers find work by `ready_at` alone: however many deliveries wait for an endpoint, and however long it
    has been dead, it is one row here. Whoever queues or settles for it locks this row (`queue`).
    """

    channel = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=20, blank=True)
    # While held (its profile is switched off) nothing of it is due, and nothing of it is lost.
    is_held = models.BooleanField(default=False)

    # When there may be something to send to it; empty: nothing waits.
    ready_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Asleep: nothing is sent but one probe, then. `naps` counts the probes that failed.
    asleep_since = models.DateTimeField(null=True, blank=True, editable=False)
    asleep_until = models.DateTimeField(null=True, blank=True, editable=False)
    naps = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    # What was queued before it woke stands behind what has been queued since.
    awake_since = models.DateTimeField(null=True, blank=True, editable=False)
    # Slow start: how many may be out at once for now; empty: as many as `concurrency` says.
    window = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    concurrency = models.PositiveSmallIntegerField(
        "at once",
        default=16,
        db_default=16,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="At most so many requests are out to it at the same time.",
    )
    rate_per_second = models.FloatField(
        "per second",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001), MaxValueValidator(10_000)],
        help_text="At most so many requests a second; empty: no limit. 0.1 is one in ten seconds.",
    )
    # Until when the rate is used up by what was taken so far.
    rate_spent_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["ready_at"], name="endpoint_ready", condition=models.Q(ready_at__isnull=False)
            ),
            # Who has just said yes is found past any number of dead ones; and the other way round.
            models.Index(
                fields=["ready_at"],
                name="endpoint_ready_proven",
                condition=models.Q(last_success_at__isnull=False, failures_in_a_row=0),
            ),
            models.Index(
                fields=["ready_at"],
                name="endpoint_ready_unproven",
                condition=models.Q(last_success_at=None) | models.Q(failures_in_a_row__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_proven(self) -> bool:
        """Whether the last thing it said was yes."""
        return self.last_success_at is not None and not self.failures_in_a_row


class SigningSecret(models.Model):
    """What requests to an endpoint are signed with; two at once while a receiver changes over."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="signing_secrets")
    secret = EncryptedTextField()  # `whsec_` and base64, as Standard Webhooks writes it
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)  # empty: the one in use

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"signing secret {self.pk} of endpoint {self.endpoint_id}"
