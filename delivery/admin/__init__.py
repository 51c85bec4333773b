"""The spine in the admin: the event log, deliveries with all that was sent, endpoints. All of it is only read."""

from delivery.admin.deliveries import DeliveryAdmin
from delivery.admin.endpoints import EndpointAdmin
from delivery.admin.events import EventAdmin

__all__ = ["DeliveryAdmin", "EndpointAdmin", "EventAdmin"]
