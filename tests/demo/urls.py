"""The site's addresses as they are while the demo is on."""

from django.urls import include, path

from config.urls import urlpatterns as always

urlpatterns = [*always, path("receiver/", include("demo.urls"))]
