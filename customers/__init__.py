"""Locations, customers (the API calls them contacts), their notes and their history."""
