"""The tables of the spine: what happened, what follows from it, each try of it, and where it goes."""

from delivery.models.delivery import Attempt, Delivery, Endpoint
from delivery.models.event import Event

__all__ = ["Attempt", "Delivery", "Endpoint", "Event"]
