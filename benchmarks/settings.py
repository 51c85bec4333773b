"""The product's settings, and what the task queues need that it is compared with."""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_webhook", "django_domain_events", "django_outbound_webhooks"]
DJANGO_OUTBOUND_WEBHOOKS = {"ALLOW_PRIVATE_ADDRESSES": True}
DJANGO_WEBHOOK = {"MODELS": []}
# django-q2 as it comes, but for the number of workers and where its tasks wait.
Q_CLUSTER = {"name": "reference", "orm": "default", "workers": 2, "timeout": 60, "retry": 120}
CELERY_BROKER_URL = os.environ.get("BENCH_REDIS", "")
