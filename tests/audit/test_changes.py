"""The audit log is written with the change itself, and only when there was one."""

import pytest
from django.db import transaction

from audit import changes
from audit.models import Change
from customers.models import Location

BY = "admin:jane"


@pytest.fixture
def subject(db: None) -> Location:
    return Location.objects.create(name="Main store")


@pytest.mark.django_db(transaction=True)
def test_a_change_is_recorded_in_its_transaction_or_not_at_all() -> None:
    subject = Location.objects.create(name="Main store")
    with pytest.raises(RuntimeError, match="transaction"):
        changes.record(subject, "created", by=BY, new={"name": "Main store"})
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        changes.record(subject, "created", by=BY, new={"name": "Main store"})
        raise ZeroDivisionError
    assert not Change.objects.exists()


def test_a_row_says_who_what_when_and_from_what_to_what(subject: Location) -> None:
    changes.record(subject, "created", by=BY, new={"name": "Main store", "version": 1})
    old, new = {"name": "Main store", "version": 1}, {"name": "Shop", "version": 2}
    changes.record(subject, "changed name", by="api:shop-3", old=old, new=new)
    row = changes.of(subject)[0]
    assert (row.subject_type, row.subject_id, row.subject_name) == (
        "customers.location",
        subject.pk,
        "Main store",
    )
    assert (row.by, row.action, row.version, row.old, row.new) == ("api:shop-3", "changed name", 2, old, new)
    assert changes.of(subject).count() == 2


def test_where_nothing_changed_nothing_is_recorded(subject: Location) -> None:
    changes.record(subject, "changed name", by=BY, old={"name": "Shop"}, new={"name": "Shop"})
    assert not Change.objects.exists()


def test_what_is_older_than_the_log_begins_with_what_it_was(subject: Location) -> None:
    changes.record(subject, "changed name", by=BY, old={"name": "Old", "version": 6}, new={"name": "New"})
    changes.record(subject, "changed name", by=BY, old={"name": "New"}, new={"name": "Newer"})
    rows = list(Change.objects.order_by("id").values_list("action", "by", "old", "new", "version"))
    assert rows[0] == (changes.BEFORE_THE_LOG, "", None, {"name": "Old", "version": 6}, 6)
    assert [row[0] for row in rows[1:]] == ["changed name", "changed name"]


def test_that_something_happened_may_be_all_there_is_to_know(subject: Location) -> None:
    changes.record(subject, "rotated the signing secret", by=BY)
    assert Change.objects.values_list("old", "new").get() == (None, None)


def test_long_texts_are_cut_to_what_the_row_can_hold(subject: Location) -> None:
    subject.name = "N" * 500
    changes.record(subject, "A" * 500, by="b" * 500, new={})
    row = Change.objects.get()
    assert (len(row.subject_name), len(row.action), len(row.by)) == (200, 300, 150)


def test_kinds_and_keys_have_words() -> None:
    assert changes.type_in_words("exports.exportprofile") == "export profile"
    assert changes.labels("exports.exportprofile")["url"] == "Postback URL"
    assert changes.labels("exports.exportprofile")["mappings"] == "field mapping"
    assert (changes.type_in_words("gone.thing"), changes.labels("gone.thing")) == ("gone.thing", {})
