"""Locations and people. Columns are loose (real data has gaps); the doors are strict."""

import zoneinfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from delivery.ids import new_id


def validate_time_zone(value: str) -> None:
    """Refuses what is not a zone of the IANA database, such as "Europe/Berlin"."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"“{value}” is not a time zone. Use a name such as Europe/Berlin or UTC.")


class Location(models.Model):
    """The tenant: campaigns, profiles and customers belong to one."""

    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    name = models.CharField(max_length=100, unique=True)
    time_zone = models.CharField(max_length=50, default="UTC", validators=[validate_time_zone])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    """A person who orders. Written only by `customers.services`."""

    location = models.ForeignKey(Location, models.PROTECT, related_name="customers", db_index=False)
    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    external_id = models.CharField(max_length=64, blank=True)  # the client's own id (contact_api_id)
    account_number = models.CharField(max_length=64, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    first_name = models.CharField(max_length=200, blank=True)
    last_name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    address = models.CharField(max_length=255, blank=True)
    address2 = models.CharField(max_length=255, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=100, blank=True)
    zip = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=60, blank=True)
    home_phone = models.CharField(max_length=40, blank=True)
    cell_phone = models.CharField(max_length=40, blank=True)
    office_phone = models.CharField(max_length=40, blank=True)
    office_ext_phone = models.CharField(max_length=10, blank=True)
    phone_digits = models.CharField(max_length=40, blank=True, editable=False)  # of the first phone given
    email_trx_receipt = models.BooleanField(default=False)
    date_of_birth = models.DateField(null=True, blank=True)
    header_message = models.CharField(max_length=250, blank=True)
    header_message_type = models.PositiveSmallIntegerField(default=0)
    contact_c1 = models.CharField(max_length=128, blank=True)
    contact_c2 = models.CharField(max_length=128, blank=True)
    contact_c3 = models.CharField(max_length=128, blank=True)
    contact_balance = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)
    # Columns that the source did not have and that were derived from its id (real shop data has no names).
    has_generated_data = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)  # a tombstone
    # Asked for: from then on nothing of the person goes out or comes in; done: nothing of it is left.
    erase_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("add_note", "Can add a note to the history of a customer"),
            ("erase_customer", "Can erase the personal data of a customer"),
        ]
        constraints = [
            models.UniqueConstraint(
                "location",
                "external_id",
                name="customer_external_id",
                condition=~models.Q(external_id="") & models.Q(deleted_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index("location", Lower("email"), name="customer_email", condition=~models.Q(email="")),
            models.Index(
                fields=["location", "phone_digits"],
                name="customer_phone",
                condition=~models.Q(phone_digits=""),
            ),
            # What lists of the API walk: a page costs the same wherever it is, and whoever else is there.
            models.Index(
                fields=["location", "id"],
                name="customer_listed",
                condition=models.Q(deleted_at__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="customer_being_erased",
                condition=models.Q(erase_requested_at__isnull=False, erased_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email or self.external_id or f"Customer {self.pk}"

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_erased(self) -> bool:
        """Whether its personal data is gone, or going."""
        return self.erase_requested_at is not None

    @property
    def phone(self) -> str:
        """The number to call: cell, else home, else office."""
        return self.cell_phone or self.home_phone or self.office_phone
