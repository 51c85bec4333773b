"""The spine in the admin, only to be read: the event log, deliveries with all that was sent, endpoints."""

from delivery.admin.deliveries import DeliveryAdmin
from delivery.admin.endpoints import EndpointAdmin
from delivery.admin.events import EventAdmin
from delivery.admin.replays import ReplayAdmin

__all__ = ["DeliveryAdmin", "EndpointAdmin", "EventAdmin", "ReplayAdmin"]
