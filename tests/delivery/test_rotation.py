"""Keys of secrets are changed: all can be read throughout, and afterwards without the old key."""

import json
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery import rotation
from delivery.models import Endpoint, SigningSecret
from delivery.secrets import EncryptedTextField, SecretUnreadable
from exports.models import FieldMapping
from tests.exports.partners import a_profile, a_store, static
from tests.journeys.crashes import kill
from tests.processes import Processes, wait_until

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.POSTRIDER_FIELD_KEYS = [OLD]


def signing_secrets(count: int) -> list[SigningSecret]:
    endpoint = Endpoint.objects.create(channel="export", name="Partner")
    now = timezone.now()
    rows = [
        SigningSecret(endpoint=endpoint, secret=f"whsec_{number}", created_at=now) for number in range(count)
    ]
    return SigningSecret.objects.bulk_create(rows, batch_size=500)


def a_mapping(secret: str = "pässwörd 😀") -> FieldMapping:
    a_profile(
        a_store(), "http://127.0.0.1:9/", [static("plain", "text"), static("token", secret, secret=True)]
    )
    SigningSecret.objects.all().delete()  # the profile's own: the tests make theirs
    return FieldMapping.objects.get(is_secret=True)


def rotated(*arguments: str, status: int = 0) -> str:
    """What the command says; it must end with that status."""
    output = StringIO()
    try:
        call_command("rotate_secrets", *arguments, stdout=output)
        ended = 0
    except SystemExit as end:
        ended = int(str(end.code))
    assert ended == status, output.getvalue()
    return output.getvalue()


def stored(row: SigningSecret | FieldMapping, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


def under(key: str) -> int:
    """How many signing secrets this key opens."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM delivery_signingsecret")
        texts = [row[0] for row in cursor.fetchall()]
    return sum(opens(key, text) for text in texts)


def opens(key: str, text: str) -> bool:
    try:
        return bool(Fernet(key).decrypt(text.encode()))
    except Exception:
        return False


# --- the whole of it ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_after_it_the_old_key_can_go(settings: Any) -> None:
    mapping, rows = a_mapping(), signing_secrets(1203)
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    said = rotated()
    assert said.startswith("1204 encrypted anew, 0 are under the newest key already.")
    assert "can be removed from POSTRIDER_FIELD_KEYS" in said and "whsec" not in said
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    assert FieldMapping.objects.get(pk=mapping.pk).secret_value == "pässwörd 😀"
    secrets = SigningSecret.objects.order_by("pk").values_list("secret", flat=True)
    assert list(secrets) == [row.secret for row in rows]
    assert FieldMapping.objects.get(export_name="plain").secret_value == ""
    assert rotated().startswith("0 encrypted anew, 1204 are under the newest key already.")


@pytest.mark.django_db
def test_what_is_under_the_newest_key_is_left_as_it_is(settings: Any) -> None:
    (row,) = signing_secrets(1)
    before = stored(row, "secret")
    said = rotated()
    assert "can be removed" not in said  # there is but one key
    assert stored(row, "secret") == before
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    assert rotated("--dry-run").startswith("1 would be encrypted anew, 0 are")
    assert stored(row, "secret") == before


@pytest.mark.django_db
def test_every_encrypted_column_is_found() -> None:
    tables = {(place.table, place.column) for place in rotation.places()}
    assert tables >= {("exports_fieldmapping", "secret_value"), ("delivery_signingsecret", "secret")}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField) and not model.__module__.startswith("tests."):
                assert (model._meta.db_table, field.column) in tables


@pytest.mark.django_db
def test_with_nothing_stored_there_is_nothing_to_do() -> None:
    assert json.loads(rotated("--json")) == {
        "renewed": 0,
        "already": 0,
        "unreadable": [],
        "contested": [],
        "dry_run": False,
    }


@pytest.mark.django_db
def test_a_batch_is_a_statement_to_read_and_one_to_write(settings: Any) -> None:
    signing_secrets(1000)
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    with CaptureQueriesContext(connection) as statements:
        rotation.rotate()
    assert sum("delivery_signingsecret" in one["sql"] for one in statements) == 2 + 2 + 1


# --- what cannot be opened ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_no_key_opens_is_named_and_the_others_are_done(settings: Any) -> None:
    settings.POSTRIDER_FIELD_KEYS = [LOST]
    lost = a_mapping("lost-secret")
    settings.POSTRIDER_FIELD_KEYS = [OLD]
    rows = signing_secrets(3)
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    before = stored(lost, "secret_value")
    said = rotated(status=1)
    assert f"  exports_fieldmapping {lost.pk}\n" in said and "Add the key" in said
    assert "can be removed" not in said and "lost-secret" not in said and before not in said
    assert stored(lost, "secret_value") == before
    assert under(NEW) == len(rows)
    assert json.loads(rotated("--json", status=1))["unreadable"] == [["exports_fieldmapping", lost.pk]]
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD, LOST]
    assert rotated().startswith("1 encrypted anew, 3 are")


@pytest.mark.django_db
def test_of_many_that_no_key_opens_the_first_are_named(settings: Any) -> None:
    rows = signing_secrets(60)
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    said = rotated(status=1)
    assert said.count("delivery_signingsecret") == 50 and "and 10 more" in said
    assert f"  delivery_signingsecret {rows[0].pk}\n" in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["plain text", "ünreadable", "gAAAA", "😀" * 40, "' OR 1=1 --", "{rows} %s {x}"]
)
def test_what_is_no_ciphertext_harms_nothing(text: str, settings: Any) -> None:
    broken, whole = signing_secrets(2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_signingsecret SET secret = %s WHERE id = %s", [text, broken.pk])
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    said = rotated(status=1)
    assert text not in said
    assert stored(broken, "secret") == text
    assert SigningSecret.objects.get(pk=whole.pk).secret == "whsec_1" and opens(NEW, stored(whole, "secret"))


# --- others at the same time -------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("key", [NEW, OLD], ids=["new key", "old key"])
def test_what_somebody_saves_meanwhile_stands(key: str, settings: Any) -> None:
    """Saved between our reading and our writing; also by a process that does not know the new key yet."""
    edited, deleted, kept = signing_secrets(3)
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    edits = [edited]

    def edit_before(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("\nUPDATE") and edits:
            settings.POSTRIDER_FIELD_KEYS = [key]
            SigningSecret.objects.filter(pk=edits.pop().pk).update(secret="edited")
            settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
            SigningSecret.objects.filter(pk=deleted.pk).delete()
        return execute(sql, *rest)

    with connection.execute_wrapper(edit_before):
        report = rotation.rotate()
    assert not edits and report.is_complete
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    found = dict(SigningSecret.objects.values_list("pk", "secret"))
    assert found == {edited.pk: "edited", kept.pk: kept.secret}


@pytest.mark.django_db
def test_what_is_edited_all_the_time_is_named(settings: Any) -> None:
    (row,) = signing_secrets(1)
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]

    def edit_before(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("\nUPDATE"):
            settings.POSTRIDER_FIELD_KEYS = [OLD]
            SigningSecret.objects.filter(pk=row.pk).update(secret="edited")
            settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
        return execute(sql, *rest)

    with connection.execute_wrapper(edit_before):
        said = rotated(status=1)
    assert f"delivery_signingsecret {row.pk}" in said and "Run this again" in said
    assert SigningSecret.objects.get().secret == "edited"


# --- killed ------------------------------------------------------------------------------------------


def test_killed_half_way_and_run_again(processes: Processes, settings: Any) -> None:
    rows = signing_secrets(15_000)
    keys = {"POSTRIDER_FIELD_KEYS": f"{NEW},{OLD}"}
    running = processes.start("rotate_secrets", **keys)
    first = stored(rows[0], "secret")
    wait_until(lambda: stored(rows[0], "secret") != first or running.popen.poll() is not None, 60)
    kill(running)
    done = under(NEW)
    assert 0 < done < len(rows), "the machine is too fast for this test: give it more secrets"
    assert done % rotation.BATCH == 0 and done + under(OLD) == len(rows)  # each can be read
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    assert SigningSecret.objects.count() == len(rows)
    again = processes.run("rotate_secrets", "--json", **keys)
    said = json.loads(again.stdout)
    assert (said["renewed"], said["already"]) == (len(rows) - done, done)
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    secrets = SigningSecret.objects.order_by("pk").values_list("secret", flat=True)
    assert list(secrets) == [row.secret for row in rows]


@pytest.mark.django_db
def test_without_the_old_key_and_without_rotation_nothing_is_handed_out(settings: Any) -> None:
    """The control of all the above: the keys do matter."""
    signing_secrets(1)
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    with pytest.raises(SecretUnreadable):
        list(SigningSecret.objects.all())
