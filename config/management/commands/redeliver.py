"""Sends many deliveries again, by a filter."""

import getpass
import json
import sys
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from delivery import replays
from delivery.models import Endpoint, Replay
from delivery.replays import Filter, Summary
from delivery.terminal import Progress, asked_to_stop, shown
from delivery.transports import ERRORS
from exports.models import ExportProfile

MOST_PER_SECOND = 10_000
_FILTERS = ("profile", "endpoint", "since", "until", "state", "error", "tests", "all")


class Command(BaseCommand):
    help = (
        "Asks for another attempt of many deliveries: same id, same content, at a pace. Those that wait for "
        "another try and those that failed; delivered ones only with --state delivered. May be stopped, or "
        "killed, and goes on with --resume. Exit status: 0 all asked for, 1 not all, 2 wrong call."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--profile", type=int, metavar="ID", help="only of this export profile")
        parser.add_argument("--endpoint", type=int, metavar="ID", help="only to this endpoint")
        parser.add_argument(
            "--since", metavar="TIME", help="made then or later: 2026-05-04 or 2026-05-04T14:00Z"
        )
        parser.add_argument("--until", metavar="TIME", help="made before")
        parser.add_argument("--state", choices=replays.STATES, help="only in this state")
        parser.add_argument("--error", choices=sorted(ERRORS), metavar="WORD", help=", ".join(sorted(ERRORS)))
        parser.add_argument("--tests", action="store_true", help="tests too")
        parser.add_argument("--all", action="store_true", help="whatever waits or failed, without any filter")
        pace = replays.PER_SECOND
        parser.add_argument("--pace", type=float, metavar="N", help=f"so many a second, by default {pace:g}")
        parser.add_argument("--resume", type=int, metavar="REPLAY", help="go on with one that was stopped")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        pace = replays.PER_SECOND if options["pace"] is None else options["pace"]
        if not 0 < pace <= MOST_PER_SECOND:
            raise _wrong(f"--pace must be above 0, and at most {MOST_PER_SECOND}.")
        if options["resume"] is not None:
            self._walk(_stopped(options), options)
            return
        which = _filter(options)
        found = replays.summary(which)
        if options["dry_run"] or not found.total:
            self._say_found(found, options)
            return
        _make_sure(found, pace, options)
        replay = replays.start(which, by=f"command:{getpass.getuser()}", per_second=pace)
        self._walk(replay, options)

    def _say_found(self, found: Summary, options: dict[str, Any]) -> None:
        if options["json"]:
            figures = {"total": found.total, "by_state": found.by_state, "is_bounded": found.is_bounded}
            times = {"oldest": _iso(found.oldest), "newest": _iso(found.newest)}
            self.stdout.write(json.dumps({**figures, **times, "dry_run": options["dry_run"]}))
            return
        self.stdout.write(_in_words(found))
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was asked for.")

    def _walk(self, replay: Replay, options: dict[str, Any]) -> None:
        if not options["json"]:
            self.stdout.write(f"Replay {replay.pk}: about {replay.total:,}, {replay.per_second:g} a second.")
            self.stdout.flush()
        progress = Progress(replay.total, is_quiet=options["json"])
        with asked_to_stop() as stop:
            replays.walk(replay, should_stop=stop.is_set, progress=progress)
        progress.end()
        self._say(replay, options)
        if replay.finished_at is None or replay.passed_over:
            raise SystemExit(1)

    def _say(self, replay: Replay, options: dict[str, Any]) -> None:
        if options["json"]:
            counts = {"total": replay.total, "asked": replay.asked, "passed_over": replay.passed_over}
            is_finished = replay.finished_at is not None
            self.stdout.write(json.dumps({"replay": replay.pk, **counts, "is_finished": is_finished}))
            return
        self.stdout.write(f"{replay.asked:,} asked for again.")
        if replay.passed_over:
            self.stdout.write(
                f"{replay.passed_over:,} passed over: being sent at that moment, switched off, erased, "
                "or changed meanwhile."
            )
        if replay.finished_at is None:
            self.stdout.write(f"Stopped. Go on with: redeliver --resume {replay.pk}")


def _stopped(options: dict[str, Any]) -> Replay:
    """The replay to go on with."""
    if any(options[name] for name in (*_FILTERS, "dry_run")):
        raise _wrong("--resume goes on with the filter that it began with; leave the others out.")
    replay = Replay.objects.filter(pk=options["resume"]).first()
    if replay is None:
        raise _wrong(f"There is no replay {options['resume']}.")
    if replay.finished_at is not None:
        raise _wrong(f"Replay {replay.pk} is finished: {replay.asked} were asked for.")
    if options["pace"] is not None:
        replay.per_second = options["pace"]
        replay.save(update_fields=["per_second"])
    return replay


def _filter(options: dict[str, Any]) -> Filter:
    given = [name for name in _FILTERS if options[name] and name not in ("tests", "all")]
    if not given and not options["all"]:
        raise _wrong("Say which: --profile, --endpoint, --since, --until, --state, --error; or --all.")
    since, until = _time(options["since"], "--since"), _time(options["until"], "--until")
    if since and until and since >= until:
        raise _wrong("--since must be before --until.")
    which = Filter(
        endpoint_id=_endpoint(options),
        since=_iso(since) or "",
        until=_iso(until) or "",
        error=options["error"] or "",
        with_tests=options["tests"],
    )
    return replace(which, states=(options["state"],)) if options["state"] else which


def _endpoint(options: dict[str, Any]) -> int | None:
    if options["profile"] is not None and options["endpoint"] is not None:
        raise _wrong("A profile has one endpoint: give --profile or --endpoint.")
    if options["profile"] is not None:
        profile = ExportProfile.objects.filter(pk=options["profile"]).first()
        if profile is None:
            raise _wrong(f"There is no export profile {options['profile']}.")
        return profile.endpoint_id
    if options["endpoint"] is not None and not Endpoint.objects.filter(pk=options["endpoint"]).exists():
        raise _wrong(f"There is no endpoint {options['endpoint']}.")
    endpoint: int | None = options["endpoint"]
    return endpoint


def _time(text: str | None, option: str) -> datetime | None:
    """Without a time zone, the server's."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = timezone.make_aware(moment) if moment.tzinfo is None else moment
        if not 1971 <= aware.year <= 9000:
            raise ValueError
    except (ValueError, OverflowError):
        example = "2026-05-04 or 2026-05-04T14:00:00Z"
        raise _wrong(f"{option}: “{shown(text[:60])}” is no time. Write it as {example}.") from None
    return aware


def _make_sure(found: Summary, pace: float, options: dict[str, Any]) -> None:
    if options["yes"]:
        return
    if not sys.stdin.isatty():
        raise _wrong("Say --yes where nobody can be asked.")
    question = f"{_in_words(found)} Send them again, {pace:g} a second? [y/N] "
    if input(question).strip().lower() not in ("y", "yes"):
        raise _wrong("Nothing was asked for.")


def _in_words(found: Summary) -> str:
    if not found.oldest or not found.newest:
        return "No delivery matches."
    more = " or more" if found.is_bounded else ""
    states = ", ".join(f"{count:,} {state}" for state, count in found.by_state.items())
    between = f"made between {found.oldest:%Y-%m-%d %H:%M} and {found.newest:%Y-%m-%d %H:%M} UTC"
    return f"{found.total:,}{more} deliveries ({states}), {between}."


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _wrong(message: str) -> CommandError:
    return CommandError(message, returncode=2)
