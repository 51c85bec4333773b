"""The addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "Postrider"
admin.site.index_title = "Administration"
admin.site.site_url = None  # there is no other site to view

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
if settings.POSTRIDER_DEMO:
    urlpatterns.append(path("receiver/", include("demo.urls")))
