"""Locations, customers and API users in the admin; the customer's page shows the history."""

from customers.admin.api_user import ApiUserAdmin
from customers.admin.customer import CustomerAdmin
from customers.admin.location import LocationAdmin

__all__ = ["ApiUserAdmin", "CustomerAdmin", "LocationAdmin"]
