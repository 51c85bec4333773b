"""What the API keeps between calls: answers for repeated creates, and how much is used up."""

from django.db import models


class RememberedAnswer(models.Model):
    """The answer to a create that carried an `Idempotency-Key`; written with what it created."""

    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=64)  # a digest of it
    fingerprint = models.CharField(max_length=64)  # of the method, the address and the body
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(default="")  # empty: what it tells of was erased
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("caller", "key", name="remembered_answer_once")]
        indexes = [models.Index(fields=["created_at"], name="remembered_answer_age")]

    def __str__(self) -> str:
        return f"{self.key[:12]}… of {self.caller}"


class Allowance(models.Model):
    """How much of something is used up in a minute: one row for each user, and each address that failed."""

    key = models.CharField(primary_key=True, max_length=100)
    minute = models.BigIntegerField()  # since 1970
    taken = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["minute"], name="allowance_age")]

    def __str__(self) -> str:
        return f"{self.taken} of {self.key}"
