"""What others do: a task per delivery, with django-q2, and with django-webhook on Celery; and a relay.

As a command it answers by `hands.serve`: it puts tasks in. The workers that carry them are the real ones.
"""

import base64
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

from celery import Celery

app = Celery("benchmarks")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.broker_connection_retry_on_startup = True
app.set_default()


def carry(delivery_id: str) -> None:
    """django-q2's task: loads the row, posts, saves, and notes the attempt."""
    import requests
    from django.utils import timezone

    from benchmarks.filling import TEXT
    from delivery.models import Attempt, Delivery

    delivery = Delivery.objects.select_related("endpoint").get(pk=delivery_id)
    started_at = timezone.now()
    answer = requests.post(delivery.content, data=TEXT, timeout=10)
    answer.raise_for_status()
    delivery.state, delivery.finished_at = Delivery.State.DELIVERED, timezone.now()
    delivery.attempts_made += 1
    delivery.save()
    Attempt.objects.create(
        delivery=delivery,
        number=delivery.attempts_made,
        started_at=started_at,
        duration_ms=(timezone.now() - started_at).total_seconds() * 1000,
        method="POST",
        url=delivery.content,
        request_headers="[]",
        status=answer.status_code,
        answer=answer.text,
    )


def put_in_django_q2(*, url: str, count: int) -> None:
    """So many tasks, each with a row of its own that our own workers do not look at."""
    from django.utils import timezone
    from django_q.models import OrmQ, Schedule, Success
    from django_q.tasks import async_task

    from delivery.ids import new_id
    from delivery.models import Delivery, Endpoint

    for model in (OrmQ, Schedule, Success):
        model.objects.all().delete()  # the reference's own clock would run our work
    now = timezone.now()
    endpoint, _ = Endpoint.objects.get_or_create(channel="export", name="Reference")
    made = [
        Delivery(
            id=new_id(),
            channel="export",
            target_id=0,
            target_name="Reference",
            endpoint=endpoint,
            content=url,
            created_at=now,
        )
        for _ in range(count)
    ]
    for one in Delivery.objects.bulk_create(made):
        async_task("benchmarks.references.carry", one.pk)


def put_in_celery(*, url: str, count: int) -> None:
    """So many tasks of django-webhook, each of which stores its event and what became of it."""
    import json

    from django_webhook.models import Webhook, WebhookSecret
    from django_webhook.tasks import fire_webhook

    webhook, is_new = Webhook.objects.get_or_create(url=url)
    if is_new:
        WebhookSecret.objects.create(webhook=webhook, token="a secret of some length")
    app.control.purge()
    payload = json.dumps({"topic": "orders.Order/create", "object": "y" * 440})
    for _ in range(count):
        fire_webhook.delay(webhook.pk, payload, topic="orders.Order/create", object_type="orders.Order")


def put_in_outbound_webhooks(*, url: str, count: int) -> None:
    """So many events of django-domain-events, for each of which one endpoint is owed a delivery."""
    from django_domain_events import fire
    from django_domain_events.models.delivery_record import DeliveryRecord
    from django_outbound_webhooks import register_endpoint
    from django_outbound_webhooks.models.endpoint import Endpoint

    from benchmarks.sold import NAME, Sold

    if not Endpoint.objects.exists():
        secret = "whsec_" + base64.b64encode(b"a secret of some length, for all").decode()
        register_endpoint(name="Partner", url=url, secret=secret, event_names=[NAME])
    DeliveryRecord.objects.all().delete()
    for _ in range(count):
        fire(Sold("y" * 440))


def main() -> None:
    import django

    django.setup()
    from benchmarks import hands, workers

    functions: dict[str, Any] = {
        "django_q2": put_in_django_q2,
        "celery": put_in_celery,
        "outbound_webhooks": put_in_outbound_webhooks,
    }
    hands.serve(functions | {"migrate": workers.migrate})


if __name__ == "__main__":
    main()
else:
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from django_webhook import tasks as _tasks  # noqa: F401 — so that Celery's worker knows them
