"""Who guesses passwords has to wait; whoever else has that name, or that address, has not."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from config import schedules, throttling
from rest import clients

RIGHT, WRONG = "correct horse battery", "wrong"


@pytest.fixture
def jane(db: None) -> User:
    return User.objects.create_superuser("jane", password=RIGHT)


def log_in(password: str, *, name: str = "jane", **meta: Any) -> Any:
    return Client().post(reverse("admin:login"), {"username": name, "password": password}, **meta)


def lock_out(**meta: Any) -> None:
    for _ in range(5):
        log_in(WRONG, **meta)


def test_after_five_failures_the_right_password_does_not_help(jane: User) -> None:
    assert [log_in(WRONG).status_code for _ in range(4)] == [200] * 4
    assert log_in(WRONG).status_code == 429
    answer = log_in(RIGHT)
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "900"
    assert "no-store" in answer.headers["Cache-Control"]
    html = answer.content.decode()
    assert "For 15 minutes nobody can log in from here with this name." in html
    assert "jane" not in html and "postrider/theme.css" in html


def test_it_passes(jane: User) -> None:
    lock_out()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert log_in(RIGHT).status_code == 302


def test_tries_while_locked_out_make_it_no_longer_and_write_nothing(jane: User) -> None:
    lock_out()
    before = list(AccessAttempt.objects.values())
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        assert log_in(WRONG).status_code == 429
    assert list(AccessAttempt.objects.values()) == before


def test_a_success_forgets_the_failures(jane: User) -> None:
    for _ in range(4):
        log_in(WRONG)
    assert log_in(RIGHT).status_code == 302
    assert [log_in(WRONG).status_code for _ in range(4)] == [200] * 4


def test_only_that_name_from_that_address(jane: User) -> None:
    User.objects.create_superuser("bob", password=RIGHT)
    lock_out()
    assert log_in(RIGHT, name="bob").status_code == 302
    assert log_in(RIGHT, REMOTE_ADDR="10.0.0.9").status_code == 302
    assert log_in(RIGHT).status_code == 429


def test_who_is_logged_in_stays_so(jane: User) -> None:
    client = Client()
    client.force_login(jane)
    lock_out()
    assert client.get(reverse("admin:index")).status_code == 200


def test_no_header_makes_somebody_another(jane: User) -> None:
    lock_out()
    for number in range(3):
        forged = {"HTTP_X_FORWARDED_FOR": f"10.0.0.{number}", "HTTP_X_REAL_IP": f"10.0.0.{number}"}
        assert log_in(RIGHT, **forged).status_code == 429


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "believed"),
    [
        (0, "1.1.1.1", "9.9.9.9", "9.9.9.9"),
        (1, "6.6.6.6, 1.1.1.1", "10.0.0.1", "1.1.1.1"),  # what stands left of it, anybody may have written
        (2, "6.6.6.6, 1.1.1.1, 10.0.0.2", "10.0.0.1", "1.1.1.1"),
        (2, "1.1.1.1", "10.0.0.1", "10.0.0.1"),  # not as many as there should be
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "not an address", "10.0.0.1", "10.0.0.1"),
        (1, "1.1.1.1:4711", "10.0.0.1", "1.1.1.1"),
        (1, "[2001:db8::1]:4711", "10.0.0.1", "2001:db8::"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),  # who has one has all of its network
        (0, "", "::ffff:9.9.9.9", "9.9.9.9"),
        (0, "", "", "0.0.0.0"),
    ],
)
def test_the_address_is_one_that_nobody_can_make_up(
    settings: Any, proxies: int, forwarded: str, remote: str, believed: str
) -> None:
    settings.POSTRIDER_PROXIES = proxies
    request: HttpRequest = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert clients.client_address(request) == believed


@pytest.mark.parametrize("name", ["x" * 5000, "ja\x00ne", "\u202e😀", "", "' OR 1=1 --"])
def test_any_name_may_be_typed(jane: User, name: str) -> None:
    assert log_in(WRONG, name=name, HTTP_USER_AGENT="a" * 5000, HTTP_ACCEPT="b" * 5000).status_code == 200


def test_no_password_is_kept(jane: User) -> None:
    log_in("a wrong one that may be right elsewhere")
    log_in(RIGHT)
    kept = str(list(AccessAttempt.objects.values())) + str(list(AccessLog.objects.values()))
    assert "elsewhere" not in kept and RIGHT not in kept


def test_what_is_over_is_pruned_in_small_steps(jane: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "BATCH", 2)
    for number in range(5):
        log_in(WRONG, name=f"nobody{number}")
    log_in(RIGHT)
    assert throttling.prune() == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert throttling.prune() == 5  # the failures; the login is still on record, and lasts
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert schedules.prune_logins().startswith("2 ")
    assert not (AccessAttempt.objects.exists() or AccessLog.objects.exists() or Session.objects.exists())


def test_no_run_takes_for_ever(jane: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "BATCH", 1)
    monkeypatch.setattr(throttling, "MOST_BATCHES", 2)
    for number in range(5):
        log_in(WRONG, name=f"nobody{number}")
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert throttling.prune() == 2
