"""Secrets at rest: ciphertext in the database, an error instead of a wrong text, keys that can be changed."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import connection, models
from django.utils import timezone

from delivery import secrets
from delivery.models import Endpoint, SigningSecret
from delivery.secrets import EncryptedTextField, SecretUnreadable

TEXTS = ["token-123", "pässwörd 😀 مرحبا", "a\nb\tc", "x" * 100_000, " "]
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.POSTRIDER_FIELD_KEYS = [OLD]


@pytest.mark.parametrize("text", TEXTS)
def test_what_goes_in_comes_out(text: str) -> None:
    stored = secrets.encrypt(text)
    assert text.strip() not in stored or not text.strip()
    assert stored != secrets.encrypt(text)  # the same secret twice is not seen to be the same
    assert secrets.decrypt(stored) == text


def test_an_empty_text_stays_empty() -> None:
    assert secrets.encrypt("") == secrets.decrypt("") == ""


@pytest.mark.parametrize(
    "stored",
    ["plain text", "gAAAA", "ünreadable", pytest.param(Fernet(NEW).encrypt(b"x").decode(), id="another key")],
)
def test_what_no_key_opens_is_an_error_and_never_handed_out(stored: str) -> None:
    with pytest.raises(SecretUnreadable, match="POSTRIDER_FIELD_KEYS") as error:
        secrets.decrypt(stored)
    assert stored not in str(error.value)
    assert error.value.__cause__ is None


def test_a_ciphertext_that_was_tampered_with_is_an_error() -> None:
    stored = secrets.encrypt("token-123")
    with pytest.raises(SecretUnreadable):
        secrets.decrypt(stored[:-10] + ("A" if stored[-10] != "A" else "B") + stored[-9:])


def test_keys_are_changed_by_putting_the_new_one_in_front(settings: Any) -> None:
    before = secrets.encrypt("token-123")
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    assert secrets.decrypt(before) == "token-123"
    after = secrets.encrypt("token-123")
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    assert secrets.decrypt(after) == "token-123"
    with pytest.raises(SecretUnreadable):
        secrets.decrypt(before)


def test_the_columns_that_hold_secrets() -> None:
    """Every encrypted column of the product keeps ciphertext, comes back as text and cannot be searched."""
    from django.apps import apps

    found = [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedTextField)
    ]
    assert found
    for model, field in found:
        with pytest.raises(TypeError, match="cannot be searched"):
            model._default_manager.filter(**{field.name: "token-123"})
        with pytest.raises(TypeError, match="cannot be searched"):
            model._default_manager.filter(**{f"{field.name}__icontains": "token"})
        model._default_manager.filter(**{f"{field.name}__isnull": True})


@pytest.mark.django_db
def test_the_database_holds_ciphertext(settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE kept (id integer, secret text)")
        for number, text in enumerate(TEXTS):
            Kept(id=number, secret=text).save(force_insert=True)
        cursor.execute("SELECT secret FROM kept ORDER BY id")
        stored = [row[0] for row in cursor.fetchall()]
        assert all(Fernet(OLD).decrypt(one).decode() == text for one, text in zip(stored, TEXTS, strict=True))
        assert [one.secret for one in Kept.objects.order_by("id")] == TEXTS
        assert Kept.objects.values_list("secret", flat=True).get(id=0) == "token-123"
        Kept.objects.filter(id=0).update(secret="other")
        assert Kept.objects.get(id=0).secret == "other"
        settings.POSTRIDER_FIELD_KEYS = [NEW]
        with pytest.raises(SecretUnreadable):
            Kept.objects.get(id=0)
        cursor.execute("DROP TABLE kept")


@pytest.mark.django_db
def test_a_dump_holds_ciphertext_and_can_be_loaded_again(settings: Any) -> None:
    endpoint = Endpoint.objects.create(channel="export", name="Partner")
    SigningSecret.objects.create(endpoint=endpoint, secret="whsec_pä😀", created_at=timezone.now())
    dump = StringIO()
    call_command("dumpdata", "delivery.signingsecret", stdout=dump)
    assert "whsec" not in dump.getvalue() and "encrypted" in dump.getvalue()
    SigningSecret.objects.all().delete()
    settings.POSTRIDER_FIELD_KEYS = [NEW, OLD]
    for row in serializers.deserialize("json", dump.getvalue()):
        row.save()
    assert SigningSecret.objects.get().secret == "whsec_pä😀"
    settings.POSTRIDER_FIELD_KEYS = [NEW]
    assert SigningSecret.objects.get().secret == "whsec_pä😀"
    with pytest.raises(DeserializationError, match="POSTRIDER_FIELD_KEYS"):
        list(serializers.deserialize("json", dump.getvalue()))


def test_a_typed_text_is_never_taken_for_ciphertext() -> None:
    """Else whoever has a dump could have Postrider open it: as a secret of a profile of their own."""
    for text in (secrets.encrypt("token-123"), '{"encrypted": "gAAAA"}', "token-123"):
        assert EncryptedTextField().to_python(text) == text


class Kept(models.Model):
    """A row with a secret, in a table of this test's own."""

    id = models.IntegerField(primary_key=True)
    secret = EncryptedTextField()

    class Meta:
        app_label = "delivery"
        managed = False
        db_table = "kept"
