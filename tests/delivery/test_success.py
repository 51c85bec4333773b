"""What an answer must say: rules that staff type, run on what strangers answer."""

import pytest

from delivery import success
from delivery.success import SuccessRule
from delivery.worker import drain
from tests.exports.partners import a_profile, a_sale, a_store, only_delivery, sweep_all
from tests.receiver import Answer, Receiver


@pytest.mark.parametrize(
    ("rule", "answer", "is_met"),
    [
        (SuccessRule("contains", "OK"), "status OK", True),
        (SuccessRule("contains", "OK"), "ERROR: duplicate", False),
        (SuccessRule("json", "ok", "result.status"), '{"result": {"status": "ok"}}', True),
        (SuccessRule("json", "ok", "$.items[0].status"), '{"items": [{"status": "ok"}]}', True),
        (SuccessRule("json", "true", "ok"), '{"ok": true}', True),
        (SuccessRule("json", "7", "id"), '{"id": 7}', True),
        (SuccessRule("json", "ok", "items.9.status"), '{"items": []}', False),
        (SuccessRule("json", "ok", "status"), "<html>", False),
        (SuccessRule("json", "ok", "a.b.c"), '"text"', False),
        (SuccessRule("regex", r"id=\d+"), "stored id=77", True),
        (SuccessRule("regex", r"^id=\d+$"), "stored id=77", False),
    ],
)
def test_rules(rule: SuccessRule, answer: str, is_met: bool) -> None:
    assert success.fault(rule) == ""
    assert (success.missed(rule, answer) == "") == is_met


def test_a_pattern_that_would_never_end_is_stopped() -> None:
    rule = SuccessRule("regex", r"(a|aa|a.?)+(b|bb)+(a|aa)+c$")
    assert "took too long" in success.missed(rule, "a" * 64 + "b" * 20_000)


@pytest.mark.parametrize(
    "rule",
    [
        SuccessRule("contains", ""),
        SuccessRule("json", "x"),
        SuccessRule("regex", ""),
        SuccessRule("regex", "("),
    ],
)
def test_a_rule_that_is_none_is_told(rule: SuccessRule) -> None:
    assert success.fault(rule)


@pytest.mark.django_db(transaction=True)
def test_a_call_centre_that_says_200_and_error(receiver: Receiver) -> None:
    receiver.answers("*", Answer(200, b"ERROR: duplicate"))
    a_profile(store := a_store(), receiver.url(), success_rule="contains", success_value="OK")
    a_sale(store)
    sweep_all()
    drain()
    delivery = only_delivery()
    assert (delivery.state, delivery.last_error) == ("waiting", "success_rule")
    assert "ERROR: duplicate" in delivery.last_detail
