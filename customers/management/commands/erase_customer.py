"""Erases the personal data of customers."""

import getpass
import json
import sys
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers import erasing
from customers.models import Customer
from delivery.terminal import asked_to_stop, shown


class Command(BaseCommand):
    help = (
        "Empties the personal data of customers wherever it is stored, sent payloads included; counts and "
        "proofs stay. There is no way back. May be stopped, or killed, and goes on by itself or when it is "
        "called again. Exit status: 0 erased, 1 not all of it yet, or refused, 2 wrong call."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="+", metavar="ID", help="a customer's number, or its public id")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be emptied")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        customers = [_customer(text) for text in options["ids"]]
        if not (options["yes"] or options["dry_run"] or sys.stdin.isatty()):
            raise CommandError("Say --yes where nobody can be asked.", returncode=2)
        told = []
        with asked_to_stop() as stop:
            for customer in customers:
                told.append(self._of_one(customer, options, stop))
        if options["json"]:
            self.stdout.write(json.dumps({"customers": told, "dry_run": options["dry_run"]}))
        if not all(one["is_erased"] or (options["dry_run"] and not one["refusal"]) for one in told):
            raise SystemExit(1)

    def _of_one(self, customer: Customer, options: dict[str, Any], stop: Event) -> dict[str, Any]:
        """What became of it; said as it happens, unless it is all said in the end."""
        said: dict[str, Any] = {"id": customer.pk, "public_id": customer.public_id, "is_erased": False}
        said |= {"planned": {}, "refusal": "", "emptied": 0}
        if customer.erased_at is not None:
            self._say(options, f"Customer {customer.pk} was erased before.")
            return {**said, "is_erased": True}
        if not customer.is_erased:
            said["planned"] = dict(erasing.planned(customer))
            self._say(options, _in_words(customer, said["planned"]))
            said["refusal"] = erasing.refusal(customer)
        if options["dry_run"] or said["refusal"] or stop.is_set():
            self._say(options, said["refusal"] or "Nothing was changed.")
            return said
        if not customer.is_erased:
            _make_sure(customer, options)
        try:
            row = erasing.request(customer, by=f"command:{getpass.getuser()}")
        except erasing.EraseRefused as refusal:  # meanwhile
            self._say(options, str(refusal))
            return {**said, "refusal": str(refusal)}
        is_shown = sys.stderr.isatty() and not options["json"]
        ended = erasing.walk(row, should_stop=stop.is_set, progress=_show if is_shown else _say_nothing)
        if is_shown:
            sys.stderr.write("\n")
        self._say(options, f"Customer {row.pk}: {ended.total:,} rows were emptied. {_ending(ended)}")
        return {**said, "is_erased": ended.is_done, "emptied": ended.total}

    def _say(self, options: dict[str, Any], text: str) -> None:
        if not options["json"]:
            self.stdout.write(text)


def _customer(text: str) -> Customer:
    found = Customer.objects.filter(public_id=text.lower().replace("\x00", "")).first()
    if found is None and text.isascii() and text.isdigit() and len(text) < 19:
        found = Customer.objects.filter(pk=int(text)).first()
    if found is None:
        raise CommandError(f"There is no customer “{shown(text[:60])}”. Nothing was erased.", returncode=2)
    return found


def _in_words(customer: Customer, planned: dict[str, int]) -> str:
    lines = [f"  {name}: {erasing.in_words(number)}" for name, number in planned.items()]
    return "\n".join([f"Customer {customer.pk}, {shown(str(customer))}. This is emptied:", *lines])


def _make_sure(customer: Customer, options: dict[str, Any]) -> None:
    if options["yes"]:
        return
    answer = input(f"There is no way back. Type the customer's number ({customer.pk}) to erase it: ")
    if answer.strip() != str(customer.pk):
        raise CommandError(f"Customer {customer.pk} was not erased.", returncode=2)


def _ending(ended: erasing.Progress) -> str:
    if ended.is_done:
        return "It is erased."
    return "That is not all: it goes on by itself while the workers run, or when this is called again."


def _show(so_far: erasing.Progress) -> None:
    waiting = f", {so_far.left:,} are being sent" if so_far.left else ""
    sys.stderr.write(f"\r{so_far.total:,} rows emptied{waiting}   ")
    sys.stderr.flush()


def _say_nothing(so_far: erasing.Progress) -> None:
    """Where no terminal is."""
