"""Registers what the API keeps: remembered answers and allowances."""

from django.apps import AppConfig


class RestConfig(AppConfig):
    name = "rest"
