"""The event that django-outbound-webhooks delivers as a reference; imported once Django is set up."""

from dataclasses import dataclass

from django_domain_events import event

NAME = "benchmarks.Sold"


@event(name=NAME)
@dataclass(frozen=True)
class Sold:
    """As many bytes as the other references carry."""

    text: str
