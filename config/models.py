"""What the wiring remembers: which permissions the roles were shipped with."""

from django.db import models


class RoleGrant(models.Model):
    """A permission that a role was given by the table of roles: it is not given twice."""

    role = models.CharField(max_length=150)
    permission = models.CharField(max_length=255)  # `app.codename`

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("role", "permission", name="role_grant_once")]

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"
