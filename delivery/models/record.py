"""What is kept beside the deliveries: counts, proofs of what was pruned, and replays."""

from django.db import models

from delivery.models.delivery import Delivery


class Count(models.Model):
    """How often something happened in an hour: the numbers of `/metrics`, without a look at the deliveries.

    Written with what it counts, in the same transaction. `shard` spreads the writers, so that workers do
    not wait for each other; who reads adds up.
    """

    hour = models.DateTimeField()
    channel = models.CharField(max_length=20)
    what = models.CharField(max_length=40)  # a word of delivery.counts
    shard = models.PositiveSmallIntegerField(default=0)
    number = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)  # how long it took, all together

    class Meta:
        constraints = [
            models.UniqueConstraint("hour", "channel", "what", "shard", name="count_once"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.number}"


class Proof(models.Model):
    """What is left of a finished delivery that was pruned: enough to say that, when and what it was."""

    id = models.CharField(primary_key=True, max_length=24)  # of the delivery
    event = models.ForeignKey("delivery.Event", models.PROTECT, null=True, related_name="proofs")
    channel = models.CharField(max_length=20)
    target_id = models.BigIntegerField()
    target_name = models.CharField(max_length=200)
    reason = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10)
    attempts_made = models.PositiveIntegerField()
    content_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.id

    def as_delivery(self) -> Delivery:
        """The delivery as far as it is still known, for channels to describe; not to be saved."""
        known = (field.attname for field in self._meta.concrete_fields if field.name != "content_sha256")
        return Delivery(**{name: getattr(self, name) for name in known})


class Replay(models.Model):
    """Deliveries sent again by a filter, at a pace; goes on where it stopped, whatever stopped it."""

    filter = models.JSONField()
    by = models.CharField(max_length=150)
    per_second = models.FloatField()
    cursor = models.CharField(max_length=24, blank=True, default="")  # the last delivery looked at
    # Made later than this one: not meant. It is of the question, so that one yes starts one replay.
    until = models.CharField(max_length=24, unique=True)
    total = models.PositiveIntegerField()
    asked = models.PositiveIntegerField(default=0)
    passed_over = models.PositiveIntegerField(default=0)  # not possible at that moment
    # Asked for on a page: the cluster walks it. Else the command does, which may be stopped and resumed.
    is_in_background = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    stopped_by = models.CharField(max_length=150, blank=True, default="", db_default="")  # before its end

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"replay {self.pk}"
