"""The addresses of the site."""

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = admin.site.site_title = "Postrider"
admin.site.index_title = "Everything there is"
admin.site.site_url = None  # there is no other site to view

urlpatterns = [
    path("admin/", admin.site.urls),
    path("receiver/", include("demo.urls")),
]
