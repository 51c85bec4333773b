"""The addresses of the built-in receiver."""

from django.urls import path

from demo import views

app_name = "demo"
urlpatterns = [
    path("", views.arrivals, name="arrivals"),
    path("<slug:name>/", views.receive, name="receive"),
]
