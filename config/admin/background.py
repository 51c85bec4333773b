"""django-q2's tasks in the admin: what ran may be seen; what runs is not for a form to say.

Its pages for schedules and waiting tasks take the name of any function and run it: whoever opens them
runs what he likes on the machine.
"""

from django.contrib import admin
from django_q import admin as django_q  # registers its pages
from django_q.models import Failure, OrmQ, Schedule, Success

from delivery.screens import GuardedList

for model in (Schedule, OrmQ):
    if admin.site.is_registered(model):  # waiting tasks have a page with the database's broker only
        admin.site.unregister(model)
admin.site.unregister([Success, Failure])


@admin.register(Success)
class TaskAdmin(GuardedList, django_q.TaskAdmin):  # type: ignore[misc]
    """What ran."""


@admin.register(Failure)
class FailedTaskAdmin(GuardedList, django_q.FailAdmin):  # type: ignore[misc]
    """What failed."""
