"""The admin site that is the product: its menu, and the pages that belong to no single table."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from config.dashboard import dashboard, part
from config.menu import menu
from config.search import search


class PostriderSite(AdminSite):
    """Django's admin with Postrider's frame."""

    site_header = site_title = "Postrider"
    index_title = "Dashboard"
    site_url = None  # there is no other site to view
    enable_nav_sidebar = False  # the menu is our own

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page knows."""
        return {**super().each_context(request), "menu": menu(request)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The dashboard."""
        return super().index(request, {**dashboard(request), **(extra_context or {})})

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Ours first: one of them stands where Django lists the tables of an app."""
        from exports.admin import board  # whose own admin pages ask for this site

        return [
            path("search/", self.admin_view(search), name="search"),
            path("dashboard/", self.admin_view(part), name="dashboard"),
            *board.urls(self.admin_view),
            *super().get_urls(),
        ]
