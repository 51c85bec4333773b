"""The addresses of the built-in receiver."""

from django.urls import path

from demo import views

app_name = "demo"
urlpatterns = [
    path("", views.arrivals, name="arrivals"),
    path("<str:name>/", views.receive),
    path("<str:name>", views.receive),  # a redirect to the slash would not be followed
]
