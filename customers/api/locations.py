"""`/v2/locations`: the tenants that the caller may see; only to be read."""

from django.db.models import QuerySet
from rest_framework import serializers

from customers.models import Location
from rest.filters import text
from rest.resources import Resource


class LocationAnswer(serializers.Serializer):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    timezone = serializers.CharField(source="time_zone")


class Locations(Resource):
    singular = "location"
    plural = "locations"
    about = "The locations that this API user may see."
    answer = LocationAnswer
    filters = {"name": text("name"), "timezone": text("time_zone")}
    sorts = {"name": "name"}
    location_column = "pk"

    def rows(self) -> QuerySet[Location]:
        return Location.objects.all()
