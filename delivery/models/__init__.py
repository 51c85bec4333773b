"""The tables of the spine: what happened, what follows from it, each try of it, and where it goes."""

from delivery.models.delivery import Attempt, Delivery, Lease
from delivery.models.endpoint import Endpoint, SigningSecret
from delivery.models.event import Event
from delivery.models.record import Count, Proof, Replay

__all__ = ["Attempt", "Count", "Delivery", "Endpoint", "Event", "Lease", "Proof", "Replay", "SigningSecret"]
