"""What arrived at the built-in receiver."""

from django.db import models


class ReceivedRequest(models.Model):
    """One request, as it came: the partner's side of a delivery. Only the newest thousand are kept."""

    name = models.CharField(max_length=60, db_index=True)  # the last part of the address
    method = models.CharField(max_length=10)
    query = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    webhook_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.method} {self.name}"
