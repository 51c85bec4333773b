"""How to verify: the page shows no secret unasked, rotates it on request, and its code really verifies."""

import base64
import html
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from standardwebhooks import Webhook

from delivery import signing
from delivery.admin.signatures import ALL_SAMPLES, MASKED
from delivery.ids import new_id
from delivery.models import Delivery, Endpoint, SigningSecret
from delivery.transports import Answer, Request, make_transport
from tests.admin.store import SCRIPT, Store
from tests.processes import wait_until


@pytest.fixture
def endpoint(store: Store) -> Endpoint:
    signing.provide([store.profile.endpoint_id])
    return store.profile.endpoint


def url(endpoint: Endpoint, name: str = "") -> str:
    return reverse(f"admin:delivery_endpoint_signatures{name}", args=[endpoint.pk])


def secrets_of(endpoint: Endpoint) -> list[str]:
    return [row.secret for row in SigningSecret.objects.filter(endpoint=endpoint)]


def bare(secret: str) -> str:
    return html.escape(secret.removeprefix("whsec_"))


# --- who sees what -----------------------------------------------------------------------------------


def test_the_page_has_no_secret_on_it(endpoint: Endpoint, admin_client: Client) -> None:
    signing.rotate(endpoint.pk, by="admin:jane")
    pages = [url(endpoint), url(endpoint, "_rotate"), url(endpoint) + "?show=1"]
    pages += [reverse("admin:delivery_endpoint_change", args=[endpoint.pk])]
    pages += [reverse("admin:delivery_endpoint_history", args=[endpoint.pk])]
    for page in pages:
        answer = admin_client.get(page)
        assert answer.status_code == 200
        assert not [one for one in secrets_of(endpoint) if bare(one) in answer.content.decode()]
    assert MASKED in admin_client.get(url(endpoint)).content.decode()


def test_a_button_shows_it_to_who_may(endpoint: Endpoint, client_who_may: Callable[..., Client]) -> None:
    client = client_who_may("delivery.view_endpoint", "delivery.view_secrets")
    assert url(endpoint, "_show") in client.get(url(endpoint)).content.decode()
    answer = client.post(url(endpoint, "_show"))
    assert answer.status_code == 200
    assert html.escape(secrets_of(endpoint)[0]) in answer.content.decode()
    assert {"no-store", "private"} <= set(answer["Cache-Control"].replace(" ", "").split(","))
    assert LogEntry.objects.get().change_message == "Looked at the signing secret."
    assert MASKED in client.get(url(endpoint)).content.decode()  # again


@pytest.mark.parametrize(
    "permissions",
    [
        ["delivery.view_endpoint"],
        ["delivery.view_endpoint", "delivery.change_endpoint"],
        ["delivery.view_secrets"],
        ["delivery.view_delivery", "delivery.view_secrets"],
    ],
)
def test_nobody_else_gets_to_see_it(
    endpoint: Endpoint, client_who_may: Callable[..., Client], permissions: list[str]
) -> None:
    client = client_who_may(*permissions)
    assert url(endpoint, "_show") not in client.get(url(endpoint)).content.decode()
    answer = client.post(url(endpoint, "_show"))
    assert answer.status_code == 403
    assert bare(secrets_of(endpoint)[0]) not in answer.content.decode()


def test_no_link_and_no_other_site_shows_it(endpoint: Endpoint, admin_client: Client) -> None:
    assert admin_client.get(url(endpoint, "_show")).status_code == 405
    assert admin_client.get(url(endpoint, "_stop")).status_code == 405
    wary = Client(enforce_csrf_checks=True)
    wary.cookies = admin_client.cookies
    for name in ("_show", "_rotate", "_stop"):
        assert wary.post(url(endpoint, name), {"old": "stop"}).status_code == 403
    assert len(secrets_of(endpoint)) == 1
    for name in ("", "_show", "_rotate", "_stop"):
        assert Client().post(url(endpoint, name))["Location"].startswith(reverse("admin:login"))


def test_without_the_endpoints_permission_there_is_no_page(
    endpoint: Endpoint, client_who_may: Callable[..., Client]
) -> None:
    client = client_who_may("orders.view_order")
    assert client.get(url(endpoint)).status_code == 403
    missing = reverse("admin:delivery_endpoint_signatures", args=[endpoint.pk + 1])
    assert client.get(missing).status_code == 404


def test_one_that_cannot_be_read_is_said_so(
    endpoint: Endpoint, admin_client: Client, settings: Settings
) -> None:
    settings.POSTRIDER_FIELD_KEYS = ["MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="]
    assert MASKED in admin_client.get(url(endpoint)).content.decode()
    assert "POSTRIDER_FIELD_KEYS" in admin_client.post(url(endpoint, "_show")).content.decode()


def test_an_endpoint_without_one_gets_it_when_it_is_shown(store: Store, admin_client: Client) -> None:
    SigningSecret.objects.all().delete()
    endpoint = store.profile.endpoint
    assert "None yet" in admin_client.get(url(endpoint)).content.decode()
    assert not SigningSecret.objects.exists()
    shown = admin_client.post(url(endpoint, "_show")).content.decode()
    assert html.escape(secrets_of(endpoint)[0]) in shown


# --- rotating ----------------------------------------------------------------------------------------


def test_rotating_asks_first_and_explains(endpoint: Endpoint, admin_client: Client) -> None:
    before = secrets_of(endpoint)
    for answer in (admin_client.get(url(endpoint, "_rotate")), admin_client.post(url(endpoint, "_rotate"))):
        assert "for 24 hours" in answer.content.decode()
    admin_client.post(url(endpoint, "_rotate"), {"old": "nonsense"})
    assert secrets_of(endpoint) == before


@pytest.mark.parametrize(("choice", "kept"), [("overlap", True), ("stop", False)])
def test_rotating_keeps_the_old_one_or_not(
    endpoint: Endpoint, client_who_may: Callable[..., Client], choice: str, kept: bool
) -> None:
    client = client_who_may("delivery.view_endpoint", "delivery.change_endpoint")
    (old,) = secrets_of(endpoint)
    asked = client.get(url(endpoint, "_rotate")).content.decode()
    in_use = asked.split('name="replaces" value="')[1].split('"')[0]
    answer = client.post(url(endpoint, "_rotate"), {"old": choice, "replaces": in_use}, follow=True)
    assert "A new secret signs from now on" in answer.content.decode()
    assert ("signs as well until" in answer.content.decode()) is kept
    new, *rest = secrets_of(endpoint)
    assert new != old and rest == [old] * kept
    again = client.post(url(endpoint, "_rotate"), {"old": choice, "replaces": in_use}, follow=True)
    assert "rotated a moment ago already" in again.content.decode()
    assert secrets_of(endpoint) == [new, *rest]
    assert [entry.change_message for entry in LogEntry.objects.all()] == [
        f"Rotated the signing secret ({choice})."
    ]


def test_an_old_one_is_stopped_before_its_time(endpoint: Endpoint, admin_client: Client) -> None:
    signing.rotate(endpoint.pk, by="admin:jane")
    new, old = SigningSecret.objects.filter(endpoint=endpoint)
    assert f'name="secret" value="{old.pk}"' in admin_client.get(url(endpoint)).content.decode()
    for nonsense in (new.pk, "", "x", "99999999999999999999999", "²"):
        admin_client.post(url(endpoint, "_stop"), {"secret": nonsense})
    assert secrets_of(endpoint) == [new.secret, old.secret]
    admin_client.post(url(endpoint, "_stop"), {"secret": old.pk})
    assert secrets_of(endpoint) == [new.secret]


def test_who_may_only_look_rotates_nothing(endpoint: Endpoint, client_who_may: Callable[..., Client]) -> None:
    looker = client_who_may("delivery.view_endpoint", "delivery.view_secrets")
    signing.rotate(endpoint.pk, by="admin:jane")
    before = secrets_of(endpoint)
    page = looker.get(url(endpoint)).content.decode()
    assert url(endpoint, "_rotate") not in page and url(endpoint, "_stop") not in page
    assert looker.get(url(endpoint, "_rotate")).status_code == 403
    assert looker.post(url(endpoint, "_rotate"), {"old": "stop"}).status_code == 403
    old = SigningSecret.objects.filter(endpoint=endpoint).last()
    assert old is not None
    assert looker.post(url(endpoint, "_stop"), {"secret": old.pk}).status_code == 403
    assert secrets_of(endpoint) == before


def test_every_profile_has_a_secret_from_the_start(store: Store) -> None:
    from exports import services

    made = services.create_profile(location=store.location, name="New", url="https://8.8.8.8/", by="test")
    copy = services.clone_profile(made, name="Copy", by="test")
    assert len(secrets_of(made.endpoint)) == len(secrets_of(copy.endpoint)) == 1
    assert secrets_of(made.endpoint) != secrets_of(copy.endpoint)


def test_a_strict_policy_would_let_the_page_be(endpoint: Endpoint, admin_client: Client) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(name=SCRIPT)
    for answer in (
        admin_client.get(url(endpoint)),
        admin_client.post(url(endpoint, "_show")),
        admin_client.get(url(endpoint, "_rotate")),
    ):
        page = answer.content.decode()
        assert SCRIPT not in page and ' style="' not in page and "<style" not in page
        assert "javascript:" not in page and " on" not in {part[:3] for part in page.split("<button")[1:]}
        scripts = [part.split(">")[0] for part in page.split("<script")[1:]]
        assert all(" src=" in script for script in scripts)
        assert 'src="http' not in page and 'href="http' not in page


# --- the code on the page ----------------------------------------------------------------------------

RUNS: dict[str, Callable[[Path, int], list[str]]] = {
    "Python": lambda file, port: [sys.executable, str(file)],
    "Node": lambda file, port: ["node", str(file)],
    "PHP": lambda file, port: ["php", "-S", f"127.0.0.1:{port}", str(file)],
}


def code_on(page: str, language: str) -> str:
    """As somebody who copies it gets it."""
    marked = page.split(f'<pre class="wire code" id="code-{language}"')[1]
    return html.unescape(marked.split(">", maxsplit=1)[1].split("</pre>", maxsplit=1)[0])


@contextmanager
def running(language: str, code: str, secret: str, folder: Path) -> Iterator[str]:
    """The receiver of the page, really running; its address."""
    if not shutil.which(RUNS[language](folder, 0)[0]):
        pytest.skip(f"needs {language} to run its sample")
    file = folder / next(one.file for one in ALL_SAMPLES if one.language == language)
    file.write_text(code, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(RUNS[language](file, port), env=env, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: is_listening(port) or process.poll() is not None, 20, what=language)
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        process.kill()
        process.wait(10)


def is_listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def sent(request: Request) -> Answer:
    transport = make_transport()
    try:
        transport.start("only", request)
        ((_, answer),) = transport.finished(20)
    finally:
        transport.close()
    return answer


def a_request(address: str, method: str, body: bytes, headers: signing.Headers = ()) -> Request:
    return Request(method, address, headers, body, 10, address, headers)


def really_signed(endpoint: Endpoint, address: str, method: str = "POST", body: bytes = b"{}") -> Request:
    """As the engine signs it."""
    delivery = Delivery(id=new_id(), endpoint=endpoint, channel="export")
    prepared = {delivery.pk: a_request(address, method, body)}
    done = signing.signed(prepared, [delivery], datetime.now(UTC))[delivery.pk]
    assert isinstance(done, Request)
    return done


HOSTILE = [
    (),
    (("webhook-timestamp", ""),),
    (("webhook-timestamp", "now"),),
    (("webhook-timestamp", "9" * 5000),),
    (("webhook-timestamp", "1e999"),),
    (("webhook-timestamp", "NaN"),),
    (("webhook-timestamp", "-1"),),
    (("webhook-timestamp", "\xb2\xb2"),),
    *[
        (("webhook-signature", text),)
        for text in ("", "v1", "v1,", ",", "v1, v1,", "v1,AAAA", "v2,x", "\xe4")
    ],
]


@pytest.mark.parametrize("language", RUNS)
def test_the_code_takes_what_is_genuine_and_nothing_else(
    endpoint: Endpoint, admin_client: Client, language: str, tmp_path: Path
) -> None:
    code = code_on(admin_client.get(url(endpoint)).content.decode(), language)
    (secret,) = secrets_of(endpoint)
    with running(language, code, secret, tmp_path) as address:
        for method, body in (
            ("POST", b'{"name": "Zo\xc3\xab"}'),
            ("PUT", b"a=1&b=2"),
            ("POST", b"\xff\x00 any bytes \xfe"),
            ("GET", b""),
            ("POST", b""),
        ):
            genuine = really_signed(endpoint, address, method, body)
            assert sent(genuine).status == 204, (method, body)
        assert [status_of(one) for one in forgeries(endpoint, address)] == [401] * 7
        now = str(int(time.time()))
        fine = (("webhook-id", "a"), ("webhook-timestamp", now), ("webhook-signature", "v1,AAAA"))
        for broken in HOSTILE:
            told = tuple({**dict(fine), **dict(broken)}.items()) if broken else ()
            assert status_of(a_request(address, "POST", b"{}", told)) == 401, broken
        signing.rotate(endpoint.pk, by="admin:jane")  # the receiver still has the old one
        assert sent(really_signed(endpoint, address)).status == 204
        signing.revoke(endpoint.pk, SigningSecret.objects.filter(endpoint=endpoint)[1].pk, by="admin:jane")
        assert sent(really_signed(endpoint, address)).status == 401


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_YWJj", "nonsense"])
@pytest.mark.parametrize("language", RUNS)
def test_the_code_without_a_secret_takes_nothing(
    endpoint: Endpoint, admin_client: Client, language: str, secret: str, tmp_path: Path
) -> None:
    """A variable that was forgotten must not let in what is signed with nothing."""
    code = code_on(admin_client.get(url(endpoint)).content.decode(), language)
    try:
        with running(language, code, secret, tmp_path) as address:
            key = base64.b64decode(secret.removeprefix("whsec_"))
            headers = signing.headers(new_id(), b"{}", [key], int(time.time()))
            assert status_of(a_request(address, "POST", b"{}", headers)) == 500
    except AssertionError as ended:
        assert "Set WEBHOOK_SECRET." in str(ended)


def status_of(request: Request) -> int | None:
    return sent(request).status


def forgeries(endpoint: Endpoint, address: str) -> Iterator[Request]:
    """What was genuine until somebody touched it, or is too old, or too new."""
    genuine = really_signed(endpoint, address, body=b'{"total": 1}')
    headers = dict(genuine.headers)
    for body, changed in (
        (b'{"total": 9}', {}),
        (b'{"total": 1} ', {}),
        (b'{"total": 1}', {"webhook-id": new_id()}),
        (b'{"total": 1}', {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        (b'{"total": 1}', {"webhook-signature": headers["webhook-signature"].replace("v1,", "v1a,")}),
    ):
        yield a_request(address, "POST", body, tuple({**headers, **changed}.items()))
    keys = signing.keys_of([endpoint.pk], datetime.now(UTC))[endpoint.pk]
    assert isinstance(keys, tuple)
    for minutes in (-6, 6):
        when = int(time.time()) + minutes * 60
        yield a_request(address, "POST", b"{}", signing.headers(new_id(), b"{}", keys, when))


def test_the_line_with_the_library_is_right(endpoint: Endpoint, admin_client: Client) -> None:
    page = html.unescape(admin_client.get(url(endpoint)).content.decode())
    (line,) = [one.library for one in ALL_SAMPLES if one.language == "Python"]
    assert line in page
    (secret,) = secrets_of(endpoint)
    request = really_signed(endpoint, "http://127.0.0.1/", body=b"a=1")
    known = {"standardwebhooks": sys.modules[Webhook.__module__.split(".")[0]], "SECRET": secret}
    exec(line, {**known, "body": request.body, "headers": request.headers})
    with pytest.raises(Exception, match="No matching signature"):
        exec(line, {**known, "body": b"a=2", "headers": request.headers})


def test_the_samples_listen_to_this_machine_only() -> None:
    for sample in ALL_SAMPLES:
        assert "0.0.0.0" not in sample.code
        assert "127.0.0.1" in sample.code or sample.language == "PHP"  # which is told where
