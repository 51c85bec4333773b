"""Registers the commands that start the whole product."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
