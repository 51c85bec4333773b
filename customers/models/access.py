"""API users, their keys and tokens. Of a key or a token only a digest is stored."""

from django.db import models

from customers.models.people import Location
from delivery.ids import new_id


class ApiUser(models.Model):
    """A program of an integrator that calls the API for some locations, and sees nothing of others."""

    public_id = models.CharField("user id", max_length=24, unique=True, default=new_id, editable=False)
    developer_id = models.CharField(max_length=24, default=new_id, editable=False)
    name = models.CharField(
        max_length=60, unique=True, help_text="Events name it as who did it: api:shop, for “shop”."
    )
    locations = models.ManyToManyField(
        Location, related_name="api_users", help_text="It sees these, and nothing of others."
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Switched off, none of its keys is accepted."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "API user"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A secret of an API user; several at once while it changes over."""

    user = models.ForeignKey(ApiUser, models.CASCADE, related_name="keys")
    digest = models.CharField(max_length=64, editable=False)
    start = models.CharField(max_length=6, editable=False)  # by which people tell keys apart
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    last_used_at = models.DateTimeField(null=True, editable=False)  # to the minute
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.start}…"


class AccessToken(models.Model):
    """What a key was exchanged for; ends by itself when it is not used, and with its key."""

    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"token {self.public_id}"
