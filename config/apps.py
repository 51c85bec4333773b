"""Registers the commands that start the whole product, and the admin site that is its face."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class ConfigConfig(AppConfig):
    name = "config"
    default = True


class PostriderAdminConfig(admin.AdminConfig):
    default = False
    default_site = "config.site.PostriderSite"
