"""Postback configs, what each has taken, and how far in the event log all of them have come."""

from django.db import models

from delivery.ids import new_id
from delivery.secrets import EncryptedTextField


class PostbackConfig(models.Model):
    """What is posted where: a location's events of one resource, to one URL. Written only by `services`.

    Names and limits are those of `/v2/postbackconfigs`. A deleted one stays, for its log and its history.
    """

    class Resource(models.TextChoices):
        CONTACT = "contact", "Contact"
        TRANSACTION = "transaction", "Transaction"
        TRANSACTIONBATCH = "transactionbatch", "Transaction batch"
        ACCOUNTVAULT = "accountvault", "Account vault (stored payment method)"
        ORDER = "order", "Order"
        SUBSCRIPTION = "subscription", "Subscription"

    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="postback_configs")
    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    resource = models.CharField(max_length=20, choices=Resource)
    on_create = models.BooleanField("on create", default=True)
    on_update = models.BooleanField("on update", default=True)
    on_delete = models.BooleanField("on delete", default=True)
    url = models.CharField("URL", max_length=512)
    number_of_attempts = models.PositiveSmallIntegerField(
        default=1, help_text="How often it is tried in all, 1 to 5."
    )
    attempt_interval = models.PositiveIntegerField(
        default=300, help_text="Seconds between two attempts, 300 to 86400."
    )
    expands = models.CharField(
        max_length=512,
        blank=True,
        help_text="What is embedded in the data, separated by commas: contact, location, account_vault, "
        "changelogs.",
    )
    basic_auth_username = EncryptedTextField("user name", blank=True, default="")
    basic_auth_password = EncryptedTextField("password", blank=True, default="")
    gateway = models.ForeignKey(
        "orders.Gateway",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="product transaction id (gateway)",
        help_text="Required for transactions and transaction batches: only those of this gateway.",
    )
    is_active = models.BooleanField("active", default=True)
    # The form in which each boolean was sent, where it was not "1" or "0": it is answered in the same.
    boolean_forms = models.JSONField(default=dict, blank=True, editable=False)
    endpoint = models.OneToOneField("delivery.Endpoint", models.PROTECT, editable=False, related_name="+")
    created_at = models.DateTimeField(editable=False)
    modified_at = models.DateTimeField(editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.resource} → {self.url.partition('://')[2].partition('?')[0]}"


class Watch(models.Model):
    """What a config asked for from one moment to another: of an event recorded in between it is told.

    Written by `watching` when a config is made, switched on or off, changed or deleted. Kept for good: one is
    as small as it is rare, and nobody can say how late a worker comes.
    """

    config = models.ForeignKey(PostbackConfig, models.CASCADE, related_name="watches", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)  # empty: still
    resource = models.CharField(max_length=20)
    on_create = models.BooleanField()
    on_update = models.BooleanField()
    on_delete = models.BooleanField()
    gateway = models.ForeignKey("orders.Gateway", models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        verbose_name_plural = "watches"
        indexes = [models.Index(fields=["config", "until"], name="postback_watch")]

    def __str__(self) -> str:
        return f"{self.resource} from {self.since} to {self.until or 'now'}"


class Postback(models.Model):
    """What a config has taken: the one row that makes each event be posted once to it.

    Outlives pruned deliveries, so it repeats what the log of a config says.
    """

    config = models.ForeignKey(PostbackConfig, models.PROTECT, related_name="postbacks", db_index=False)
    event = models.ForeignKey("delivery.Event", models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=6)  # CREATE, UPDATE, DELETE
    resource_id = models.CharField(max_length=36)  # the public id of what it happened to
    # No foreign key: deliveries are pruned earlier. Empty: it could not be written, and nothing was queued.
    delivery_id = models.CharField(max_length=24, blank=True)
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("config", "event", name="postback_once")]
        indexes = [models.Index(fields=["config", "-id"], name="postback_log")]

    def __str__(self) -> str:
        return f"{self.type} {self.resource_id}"


class Reach(models.Model):
    """How far in the event log the configs have come: one row, made with the first config.

    Nothing rests on it: what was taken is known by `Postback`; setting it back only costs a second look.
    """

    tx = models.BigIntegerField()
    event_id = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "reaches"

    def __str__(self) -> str:
        return f"{self.tx}, {self.event_id}"
