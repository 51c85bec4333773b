"""Every page carries the headers that keep it to itself."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.admin.doors import all_doors
from tests.admin.store import Store

STRICT = {"default-src": "'self'", "object-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'"}


def faults(answer: HttpResponse) -> list[str]:
    """What of it is not as it should be."""
    expected = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    found = [name for name, value in expected.items() if answer.headers.get(name) != value]
    if "no-store" not in answer.headers.get("Cache-Control", ""):
        found.append("Cache-Control")
    if "camera=()" not in answer.headers.get("Permissions-Policy", ""):
        found.append("Permissions-Policy")
    policy = dict(
        part.strip().split(" ", 1)
        for part in answer.headers.get("Content-Security-Policy", "").split(";")
        if " " in part.strip()
    )
    found += [name for name, value in STRICT.items() if policy.get(name) != value]
    return found + (["unsafe"] if "unsafe" in str(policy) else [])


def test_every_page_of_the_admin(store: Store, admin_client: Client) -> None:
    looked_at = set()
    for door in all_doors():
        if door.method == "GET" and door.name.split("_")[0] not in ("axes", "django"):
            try:
                address = door.url(store)
            except AssertionError:  # of what this store has none
                continue
            answer = admin_client.get(address)
            assert not faults(answer), str(door)
            looked_at.add(answer.status_code)
    assert 200 in looked_at


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/nowhere/", "/", "/healthz", "/readyz", "/metrics"])
def test_pages_of_nobody(db: None, path: str) -> None:
    assert not faults(Client().get(path))


def test_refusals(db: None, admin_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    refused = [strict.post("/admin/login/", {"username": "x"}), admin_client.get("/admin/audit/change/add/")]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert not [faults(answer) for answer in refused if faults(answer)]


def test_the_cookie_of_a_session_is_out_of_reach_and_ends(db: None) -> None:
    User.objects.create_superuser("jane", password="correct horse")
    answer = Client().post(reverse("admin:login"), {"username": "jane", "password": "correct horse"})
    cookie = answer.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["max-age"] == 12 * 3600
    assert not faults(answer)


@pytest.mark.parametrize("password", ["short", "123456789012345", "1q2w3e4r5t6y", "jane-jane-jane"])
def test_weak_passwords_are_refused(db: None, password: str) -> None:
    jane = User.objects.create_superuser("jane-jane", password="correct horse")
    client = Client()
    client.force_login(jane)
    data = {"old_password": "correct horse", "new_password1": password, "new_password2": password}
    answer = client.post(reverse("admin:password_change"), data)
    assert answer.status_code == 200 and "new_password2" in answer.context["form"].errors
    jane.refresh_from_db()
    assert jane.check_password("correct horse")


def test_a_good_password_is_taken_and_ends_other_sessions(db: None) -> None:
    jane = User.objects.create_superuser("jane", password="correct horse")
    here, elsewhere = Client(), Client()
    here.force_login(jane)
    elsewhere.force_login(jane)
    good = "battery staple and more"
    data = {"old_password": "correct horse", "new_password1": good, "new_password2": good}
    assert here.post(reverse("admin:password_change"), data).status_code == 302
    assert here.get(reverse("admin:index")).status_code == 200
    assert elsewhere.get(reverse("admin:index")).status_code == 302


def test_static_files_may_be_kept_by_browsers() -> None:
    """They hold nothing of anybody's: what answers them stands before what forbids caches."""
    names = settings.MIDDLEWARE
    assert names.index("whitenoise.middleware.WhiteNoiseMiddleware") < names.index(
        "config.headers.HeadersSet"
    )
