"""`/v2/token`: a key exchanged for a token that ends by itself."""

from collections.abc import Mapping
from typing import Any

from rest_framework import permissions, serializers, status
from rest_framework.exceptions import AuthenticationFailed, NotFound, Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from customers import access
from customers.api.authentication import caller
from customers.models import AccessToken, ApiKey
from rest import throttles
from rest.callers import Caller
from rest.resources import Resource
from rest.serializers import LINKS, Input
from rest.throttles import failed_login


class TokenAnswer(serializers.Serializer):
    """Of a person's login other systems tell more here; an API user has none of it."""

    id = serializers.CharField()
    token = serializers.CharField()
    expire = serializers.IntegerField(help_text="Minutes after its last use.")
    time = serializers.IntegerField()
    username = serializers.CharField()
    first_name = serializers.CharField(allow_null=True)
    last_name = serializers.CharField(allow_null=True)
    password_expire_ts = serializers.IntegerField(allow_null=True)
    primary_location_id = serializers.CharField(allow_null=True)
    timezone = serializers.CharField()
    user_type_id = serializers.IntegerField(allow_null=True)


class TokenRequest(Input):
    """A user's id and one of its keys. Not needed if the request carries credentials anyway."""

    username = serializers.CharField(max_length=36)
    password = serializers.CharField(max_length=128)
    domain = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True)


class Tokens(Resource):
    singular = "token"
    plural = "token"
    answer = TokenAnswer
    creates = TokenRequest

    def get_permissions(self) -> list[Any]:
        return [] if self.action == "create" else [permissions.IsAuthenticated()]

    def perform_authentication(self, request: Request) -> None:
        """Whoever sends an old token with the login that gives a new one is judged by that login."""
        try:
            super().perform_authentication(request)
        except (AuthenticationFailed, Throttled):
            if self.action != "create" or not request.data:
                raise

    def create(self, request: Request) -> Response:
        key = request.auth if isinstance(request.user, Caller) else self._key_of_the_body()
        row, text = access.grant_token(key)
        return Response({self.singular: self._shown(row, text, key)}, status.HTTP_201_CREATED)

    def destroy(self, request: Request, id: str) -> Response:
        if not access.revoke_token(request.auth.user, id):
            raise NotFound("There is no token like this.")
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _key_of_the_body(self) -> ApiKey:
        """Also of one without an envelope, as the reference shows it."""
        body = self.request.data
        record = body.get(self.singular, body) if isinstance(body, Mapping) else body
        given = TokenRequest(data=record)
        given.is_valid(raise_exception=True)
        http = self.request._request
        developer_id = http.headers.get("developer-id") or http.GET.get("developer-id")
        key = access.key_of(given.validated_data["username"], given.validated_data["password"], developer_id)
        if key is None:
            raise failed_login(http)
        throttles.count(key.user.public_id)
        return key

    def _shown(self, row: AccessToken, text: str, key: ApiKey) -> dict[str, Any]:
        who = caller(key)
        address = self.request.build_absolute_uri(f"{self.request.path.rstrip('/')}/{text}")
        return {
            "id": row.public_id,
            "token": text,
            "expire": int(access.TOKEN_LIFE.total_seconds() // 60),
            "time": int(row.created_at.timestamp()),
            "username": key.user.public_id,
            "first_name": None,
            "last_name": None,
            "password_expire_ts": None,
            "primary_location_id": next(iter(who.locations), None),
            "timezone": who.time_zone,
            "user_type_id": None,
            LINKS: {"self": {"href": address}},
        }

    @staticmethod
    def describe_create(schema: Any) -> dict[str, Any]:
        about = "With credentials in the request, or with those of the body; with or without an envelope."
        bare = schema.component(TokenRequest, "request")
        content = {"application/json": {"schema": {"anyOf": [bare, schema.enveloped("token", bare)]}}}
        return {
            "description": about,
            "security": [{}, *schema.security()],
            "requestBody": {"required": False, "content": content},
        }
