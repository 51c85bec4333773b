"""Locations and customers in the admin; the customer's page shows the history."""

from customers.admin.customer import CustomerAdmin
from customers.admin.location import LocationAdmin

__all__ = ["CustomerAdmin", "LocationAdmin"]
