"""Profiles, their mappings and routes, and the record of what each profile has taken."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Coalesce

from delivery.secrets import EncryptedTextField
from exports import customer_types

STATIC = "Static"


class ExportProfile(models.Model):
    """What is sent to one partner: where, in which shape (mappings), and for what (routes)."""

    class Type(models.TextChoices):
        POSTBACK = "postback", "Postback"
        FTP = "ftp", "FTP"
        CSV = "csv", "CSV"

    class SuccessRule(models.TextChoices):
        STATUS = "", "the status is 2xx"
        CONTAINS = "contains", "2xx and the answer contains a text"
        JSON = "json", "2xx and a JSON value equals a text"
        REGEX = "regex", "2xx and the answer matches a regular expression"

    class Cadence(models.TextChoices):
        SWEEP = "sweep", "With the sweep (every 15 minutes + delay)"
        IMMEDIATE = "immediate", "Immediately (after the delay)"

    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="export_profiles")
    name = models.CharField("profile name", max_length=150)
    type = models.CharField("export type", max_length=10, choices=Type, default=Type.POSTBACK)
    url = models.CharField(
        "Postback URL",
        max_length=2000,
        blank=True,
        help_text="Where you want the information sent. Just the URL; the field mappings are added to it.",
    )
    delay_minutes = models.PositiveIntegerField(
        "export delay",
        default=0,
        validators=[MaxValueValidator(60 * 24 * 30)],
        help_text="In minutes. A delay of 5 makes the 15-minute run a 20-minute run, and nothing goes out "
        "before it is 5 minutes old.",
    )
    cadence = models.CharField(max_length=10, choices=Cadence, default=Cadence.SWEEP)
    is_active = models.BooleanField("active", default=True)
    timeout_seconds = models.PositiveIntegerField(
        "timeout",
        default=20,
        validators=[MaxValueValidator(120)],
        help_text="Seconds for one attempt in all.",
    )
    omit_empty = models.BooleanField(
        "leave out empty fields",
        default=False,
        help_text="Otherwise a missing value is sent as an empty text.",
    )
    success_rule = models.CharField(
        "accepted if",
        max_length=10,
        choices=SuccessRule,
        default=SuccessRule.STATUS,
        db_default="",
        blank=True,
        help_text="Some partners answer 200 and say in the text that they did not take it.",
    )
    success_path = models.CharField(
        "path",
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="For JSON: where to look, as in result.status or items.0.ok.",
    )
    success_value = models.CharField("text", max_length=500, blank=True, default="", db_default="")
    pci_document = models.FileField(
        "PCI documentation",
        upload_to="pci/",
        blank=True,
        help_text="Only required if the export will contain sensitive data.",
    )
    pci_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    pci_approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    endpoint = models.OneToOneField("delivery.Endpoint", models.PROTECT, editable=False, related_name="+")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)

    # The run: when it is due, and how far in the event log it has come. Nothing rests on the position:
    # what was taken is known by `Export`; setting it back only costs a second look.
    next_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_run_error = models.CharField(max_length=300, blank=True, editable=False)
    swept_tx = models.BigIntegerField(null=True, editable=False)
    swept_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("location", "name", name="export_profile_name")]
        permissions = [("approve_pci", "Can approve PCI documentation")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_pci_approved(self) -> bool:
        return bool(self.pci_document) and self.pci_approved_at is not None


class FieldMapping(models.Model):
    """One named value of what is sent: a field of the order, or a static text (or header)."""

    profile = models.ForeignKey(ExportProfile, models.CASCADE, related_name="mappings")
    position = models.PositiveIntegerField("order", default=0)
    export_name = models.CharField(max_length=200)
    field = models.CharField(max_length=60)
    static_value = models.TextField(blank=True)
    is_secret = models.BooleanField("secret", default=False)
    secret_value = EncryptedTextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.export_name} ← {self.field}"


class Route(models.Model):
    """What a profile exports: a customer type, from one campaign or all, with one product or any."""

    profile = models.ForeignKey(ExportProfile, models.CASCADE, related_name="routes")
    customer_type = models.CharField(max_length=30, choices=customer_types.CHOICES)
    campaign = models.ForeignKey(
        "orders.Campaign",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: all campaigns.",
    )
    product = models.ForeignKey(
        "orders.Product",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: all products.",
    )
    # Nothing that happened before this goes out by the route: one day before it was made or widened.
    effective_from = models.DateTimeField(editable=False)

    class Meta:
        verbose_name = "profile route"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                "profile",
                "customer_type",
                Coalesce("campaign", 0),
                Coalesce("product", 0),
                name="route_once",
                violation_error_message="The profile has this route already.",
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.get_customer_type_display()}, {self.campaign or 'all campaigns'}, "
            f"{self.product or 'all products'}"
        )


class Export(models.Model):
    """What a profile has taken: the one row that makes each export happen once.

    `subject_id` is the order for Partial, Lead and Abandoned Cart (once per order) and the event for all
    other customer types. Outlives pruned deliveries, so it repeats what is needed to explain.
    """

    class Skip(models.TextChoices):
        NO = "", "exported"
        TEST = "test", "test card order"
        COMPLETED = "completed", "completed before the run, so not a partial any more"
        ENDED = "ended", "held, declined or cancelled before the run, so not a partial any more"
        NOT_A_LEAD = "not_a_lead", "had a product at the run, so not a lead"
        NO_PRODUCT = "no_product", "had no product at the run, so not an abandoned cart"
        ERASED = "erased", "its customer was erased"

    profile = models.ForeignKey(ExportProfile, models.PROTECT, related_name="exports", db_index=False)
    customer_type = models.CharField(max_length=30, choices=customer_types.CHOICES)
    subject_id = models.BigIntegerField()
    event = models.ForeignKey("delivery.Event", models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="exports")
    delivery_id = models.CharField(max_length=24, blank=True)  # no foreign key: deliveries are pruned earlier
    skip = models.CharField(max_length=12, choices=Skip, default=Skip.NO, blank=True)
    is_final = models.BooleanField(default=True)
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("profile", "customer_type", "subject_id", name="export_once"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.customer_type} {self.subject_id}"


class ExportedAgain(models.Model):
    """A further export of what a profile had taken: asked for by staff, rendered anew, a delivery of its own.

    What was taken stays in `Export` alone; this is only which exports of it there are.
    """

    export = models.ForeignKey(Export, models.PROTECT, related_name="again")
    generation = models.PositiveIntegerField()  # from 2: the first is the export itself
    delivery_id = models.CharField(max_length=24, unique=True)  # no foreign key: as of the export
    asked_as = models.CharField(max_length=24)  # of the question, so that one yes exports once
    by = models.CharField(max_length=150)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("export", "generation", name="exported_again_once"),
            models.UniqueConstraint("export", "asked_as", name="exported_again_for_one_yes"),
        ]

    def __str__(self) -> str:
        return f"export {self.export_id}, no. {self.generation}"
