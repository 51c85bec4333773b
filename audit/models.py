"""One table: a row for each change, never changed itself and never pruned."""

from django.db import models


class Change(models.Model):
    """Somebody changed something that staff set up.

    `old` and `new` are snapshots: plain JSON objects of all that makes up the subject, complete, so that
    each state it ever had can be shown and restored from one row. A list in them holds rows, in their
    order: objects with "id", "text" (the row in words), maybe "note" (what changed in it that the text does
    not show), and whatever else is needed to make it again.
    "version", if it is there, is the subject's own number of that state.
    Secrets are in neither. `old` is null for what was made, `new` for what was deleted; both are where
    only that it happened is to be known.
    """

    at = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True)  # as events name people: `admin:jane`
    subject_type = models.CharField("what", max_length=60)  # label of its model, `exports.exportprofile`
    subject_id = models.BigIntegerField("number")
    subject_name = models.CharField("name", max_length=200)
    action = models.CharField(max_length=300)
    version = models.PositiveIntegerField(null=True, blank=True)  # the subject's own, after the change
    old = models.JSONField(null=True, blank=True)
    new = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "changes"
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            models.Index("subject_type", "subject_id", models.F("id").desc(), name="audit_of_subject"),
            models.Index("by", models.F("id").desc(), name="audit_by"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_name}: {self.action}"
