"""Tenants, people, and who may use the API for which tenant."""

from customers.models.access import AccessToken, ApiKey, ApiUser
from customers.models.people import Customer, Location, validate_time_zone

__all__ = ["AccessToken", "ApiKey", "ApiUser", "Customer", "Location", "validate_time_zone"]
