"""Who may call, in every form that integrators know, and who may not."""

import base64
import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import access
from customers.models import AccessToken, ApiKey, Location
from rest.throttles import FAILED_LOGINS
from tests.api.clients import Answer, Integrator


def ask(api: Integrator, path: str = "contacts", **headers: str) -> Answer:
    """With just these headers."""
    return Bare(api.user, api.key).call("GET", path, **headers)


class Bare(Integrator):
    """Says nothing about itself."""

    @property
    def headers(self) -> dict[str, str]:
        return {}


def basic(user_id: str, key: str) -> str:
    return f"Basic {base64.b64encode(f'{user_id}:{key}'.encode()).decode()}"


def test_headers(api: Integrator) -> None:
    assert ask(api, **api.headers).status == 200


def test_query_parameters(api: Integrator) -> None:
    answer = ask(api, f"contacts?{urlencode(api.headers)}")
    assert answer.status == 200
    assert api.key not in str(answer.body), "links must not carry credentials"


def test_http_basic(api: Integrator) -> None:
    given = basic(api.user.public_id, api.key)
    assert ask(api, Authorization=given).status == 200
    assert ask(api, Authorization=given, **{"developer-id": api.user.developer_id}).status == 200
    assert ask(api, Authorization=given, **{"developer-id": "0" * 24}).status == 401


@pytest.mark.parametrize("missing", ["developer-id", "user-id", "user-api-key"])
def test_none_of_the_three_may_be_missing_or_wrong(missing: str, api: Integrator) -> None:
    without = {name: value for name, value in api.headers.items() if name != missing}
    for given in (without, {**without, missing: "0" * 24}, {**without, missing: "clé"}):
        answer = ask(api, **given)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert list(answer.errors) == ["request"]


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic /w==", "Basic YQ==", "Bearer x"])
def test_what_is_no_login_is_401(header: str, api: Integrator) -> None:
    assert ask(api, Authorization=header).status == 401


def test_hostile_credentials_are_401(api: Integrator) -> None:
    for value in ("%00", "%F0%9F%98%80", "a" * 5000, "'; DROP TABLE"):
        query = f"developer-id={value}&user-id={value}&user-api-key={value}"
        assert ask(api, f"contacts?{query}").status in (401, 429)
        assert ask(api, f"contacts?access-token={value}").status in (401, 429)


def test_who_is_switched_off_or_whose_key_is_revoked_is_out(api: Integrator) -> None:
    api.user.is_active = False
    api.user.save()
    assert api.get("contacts").status == 401
    api.user.is_active = True
    api.user.save()
    assert api.get("contacts").status == 200
    access.revoke_key(ApiKey.objects.get(), by="test")
    assert api.get("contacts").status == 401


def test_of_a_key_only_a_digest_is_stored(api: Integrator) -> None:
    token = api.post("token", None).body["token"]["token"]
    with connection.cursor() as cursor:
        for table in ("customers_apikey", "customers_apiuser", "customers_accesstoken"):
            cursor.execute(f"SELECT * FROM {table}")
            stored = str(cursor.fetchall())
            assert api.key not in stored and token not in stored


def test_a_token_is_given_for_a_key(api: Integrator, here: Location) -> None:
    login = {"username": api.user.public_id, "password": api.key, "domain": "example"}
    bare = Bare(api.user, api.key)
    for body in (login, {"token": login}):
        answer = bare.post("token", body)
        assert answer.status == 201 and next(iter(answer.body)) == "token"
    token = answer.body["token"]
    assert token["expire"] == 15 and token["primary_location_id"] == here.public_id
    assert ask(api, **{"access-token": token["token"]}).status == 200
    assert ask(api, f"contacts?access-token={token['token']}").status == 200
    assert ask(api, **{"access-token": token["token"], "developer-id": "0" * 24}).status == 401
    assert bare.post("token", {**login, "password": "wrong"}).status == 401
    assert bare.post("token", {"username": "x"}).status == 422


def test_a_token_ends(api: Integrator, stranger: Integrator) -> None:
    token = api.post("token", None).body["token"]["token"]
    assert stranger.delete(f"token/{token}").status == 404
    assert api.delete(f"token/{token}").status == 204
    assert api.delete(f"token/{token}").status == 404
    assert ask(api, **{"access-token": token}).status == 401


def test_a_token_ends_with_its_key(api: Integrator) -> None:
    token = api.post("token", None).body["token"]["token"]
    access.revoke_key(ApiKey.objects.get(), by="test")
    assert ask(api, **{"access-token": token}).status == 401


def test_a_token_lives_15_minutes_after_its_last_use(api: Integrator) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        token = {"access-token": api.post("token", None).body["token"]["token"]}
        for _ in range(3):
            clock.shift(timedelta(minutes=14))
            assert ask(api, **token).status == 200
        clock.shift(timedelta(seconds=50))
        assert ask(api, **token).status == 200  # too soon after the last to be written down
        clock.shift(timedelta(minutes=15))
        assert ask(api, **token).status == 200
        clock.shift(timedelta(minutes=16, seconds=1))
        assert ask(api, **token).status == 401
        assert access.prune() == 1 and not AccessToken.objects.exists()


def test_uses_are_written_down_once_a_minute(api: Integrator) -> None:
    with time_machine.travel(timezone.now().replace(second=10), tick=False) as clock:
        api.get("contacts")
        used = ApiKey.objects.get().last_used_at
        clock.shift(timedelta(seconds=30))
        with CaptureQueriesContext(connection) as queries:
            api.get("contacts")
        assert not [one for one in queries if not one["sql"].startswith("SELECT")]
        assert ApiKey.objects.get().last_used_at == used
        clock.shift(timedelta(seconds=31))
        api.get("contacts")
        assert ApiKey.objects.get().last_used_at > used


def test_failed_logins_are_throttled_and_good_ones_served(api: Integrator) -> None:
    wrong = {**api.headers, "user-api-key": "0" * 64}
    with time_machine.travel(timezone.now().replace(second=10), tick=False) as clock:
        statuses = [ask(api, **wrong).status for _ in range(FAILED_LOGINS + 3)]
        assert statuses == [401] * FAILED_LOGINS + [429] * 3
        refused = ask(api, **wrong)
        assert refused.headers["Retry-After"] == "50" and list(refused.errors) == ["request"]
        assert api.get("contacts").status == 200
        assert ask(api).status == 401, "who says nothing has not failed to log in"
        clock.shift(timedelta(seconds=51))
        assert ask(api, **wrong).status == 401


@pytest.mark.parametrize("wrong", ["access-token", "user-id", "user-api-key", "Authorization"])
@pytest.mark.parametrize("right", ["access-token", "headers", "query", "Authorization"])
def test_whatever_is_right_and_whole_will_do(wrong: str, right: str, api: Integrator) -> None:
    """Beside an old token, half a login, or another one that is wrong."""
    token = api.post("token", None).body["token"]["token"]
    ways: dict[str, tuple[str, dict[str, str]]] = {
        "access-token": (f"contacts?access-token={token}", {}),
        "headers": ("contacts", api.headers),
        "query": (f"contacts?{urlencode(api.headers)}", {}),
        "Authorization": ("contacts", {"Authorization": basic(api.user.public_id, api.key)}),
    }
    path, headers = ways[right]
    given = basic(api.user.public_id, "old") if wrong == "Authorization" else "old"
    answer = ask(api, path, **{wrong: given, **headers})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("half", ["user-id", "user-api-key", "access-token"])
def test_half_a_login_alone_is_401(half: str, api: Integrator) -> None:
    assert ask(api, **{half: api.headers.get(half, "x")}).status == 401


def test_two_that_are_both_wrong_are_401_and_say_no_more(api: Integrator) -> None:
    alone = ask(api, **{"access-token": "x"})
    both = ask(api, **{"access-token": "x", "Authorization": basic(api.user.public_id, "wrong")})
    assert (alone.status, alone.body) == (both.status, both.body) and both.status == 401


def test_what_is_tried_beside_a_right_login_counts_as_failed(api: Integrator) -> None:
    with time_machine.travel(timezone.now().replace(second=10), tick=False):
        for number in range(FAILED_LOGINS + 1):
            assert ask(api, **{**api.headers, "access-token": f"guess {number}"}).status == 200
        assert ask(api, **{"access-token": "guess"}).status == 429


def test_an_old_token_does_not_stop_who_asks_for_a_new_one(api: Integrator) -> None:
    login = {"username": api.user.public_id, "password": api.key}
    bare = Bare(api.user, api.key)
    assert bare.post("token", login, **{"access-token": "old"}).status == 201
    assert bare.post("token", {**login, "password": "wrong"}, **{"access-token": "old"}).status == 401
    assert bare.post("token", None, **{"access-token": "old"}).status == 401


def test_the_command_makes_a_user_and_its_location(capsys: pytest.CaptureFixture[str], db: None) -> None:
    call_command("create_api_user", "--location", "New store", "--json")
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["location_id", "developer_id", "user_id", "user_api_key"]
    location = Location.objects.get()
    assert (location.name, location.public_id) == ("New store", said["location_id"])
    call_command("create_api_user", "--location", "New store", "--name", "second")
    assert Location.objects.count() == 1
    user = ApiKey.objects.get(user__public_id=said["user_id"]).user
    assert Integrator(user, said["user_api_key"]).get("locations").body["locations"][0]["name"] == "New store"
    for arguments in (
        ("--location", " "),
        ("--location", "x" * 101),
        ("--location", "a", "--name", "second"),
    ):
        with pytest.raises(CommandError) as refused:
            call_command("create_api_user", *arguments)
        assert refused.value.returncode == 2
