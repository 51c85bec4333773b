"""The addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import operations

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("v2/", include("config.api")),
    path("healthz", operations.healthz, name="healthz"),
    path("readyz", operations.readyz, name="readyz"),
    path("metrics", operations.metrics_page, name="metrics"),
]
if settings.POSTRIDER_DEMO:
    urlpatterns.append(path("receiver/", include("demo.urls")))
