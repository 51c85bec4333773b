"""Runs the sweep by hand."""

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from delivery.models import Delivery
from delivery.queue import NewDelivery
from delivery.terminal import shown
from exports import channel, sweep
from exports.models import Export, ExportProfile
from exports.sweep import Report


class Command(BaseCommand):
    help = (
        "Turns what happened since the last run into deliveries, for the profiles that are due. "
        "Exit status: 0 done, 1 a profile could not be rendered, 2 wrong call."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--profile", type=int, metavar="ID", help="only this profile, now")
        parser.add_argument(
            "--now", action="store_true", help="do not wait for the clock (delays are still kept)"
        )
        parser.add_argument("--dry-run", action="store_true", help="show the requests; keep and send nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        requests: list[dict[str, Any]] = []
        is_json = options["json"]
        reports = self._run(options, requests.append if is_json else self._print_request)
        if is_json:
            profiles = [_as_json(report) for report in reports]
            result = {"profiles": profiles, "dry_run": options["dry_run"], "requests": requests}
            self.stdout.write(json.dumps(result))
        else:
            self._print_table(reports, options)
        if any(report.error for report in reports):
            raise SystemExit(1)

    def _run(self, options: dict[str, Any], show: Callable[[dict[str, Any]], None]) -> list[Report]:
        if not (options["now"] or options["dry_run"] or options["profile"] is not None):
            return sweep.run_due()
        profiles = _chosen(options["profile"])
        if not options["dry_run"]:
            return sweep.run(profiles)
        by_id = {profile.pk: profile for profile in profiles}
        return sweep.run(
            profiles, dry_run=True, show=lambda delivery: show(_request(delivery, by_id[delivery.target_id]))
        )

    def _print_request(self, request: dict[str, Any]) -> None:
        whose = f"[{request['profile']}: {request['customer_type']}]"
        lines = [f"{request['method']} {request['url']}  {whose}"]
        lines += [f"  {name}: {value}" for name, value in request["headers"]]
        lines += [f"  {request['body']}"] if request["body"] else []
        for line in lines:
            self.stdout.write(shown(line))

    def _print_table(self, reports: list[Report], options: dict[str, Any]) -> None:
        if not reports:
            is_clock_asked = not (options["now"] or options["dry_run"])
            self.stdout.write(
                "No profile is due. With --now the clock is not waited for."
                if is_clock_asked
                else "There is no active Postback profile."
            )
            return
        self.stdout.write(f"{'id':>6}  {'profile':<40} {'matched':>8} {'queued':>8} {'known':>8}  skipped")
        for report in reports:
            self.stdout.write(shown(_line(report)))
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was kept, nothing is sent.")


def _chosen(profile_id: int | None) -> list[ExportProfile]:
    """The profiles to run without looking at the clock."""
    if profile_id is None:
        return list(sweep.postbacks())
    try:
        profile = ExportProfile.objects.get(pk=profile_id)
    except ExportProfile.DoesNotExist:
        raise CommandError(f"There is no export profile {profile_id}.", returncode=2) from None
    if profile.type != ExportProfile.Type.POSTBACK or not profile.is_active:
        raise CommandError(f"“{shown(str(profile))}” is not an active Postback profile.", returncode=2)
    return [profile]


def _request(delivery: NewDelivery, profile: ExportProfile) -> dict[str, Any]:
    draft = Delivery(id=delivery.id, target_id=delivery.target_id, content=delivery.content)
    said = channel.drafted(draft, profile)
    return {
        "profile": delivery.target_name,
        "customer_type": delivery.reason,
        "method": said.method,
        "url": said.url,
        "headers": [list(header) for header in said.headers],
        "body": said.body,
    }


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "id": report.profile.pk,
        "profile": report.profile.name,
        "matched": report.matched,
        "queued": report.queued,
        "known": report.known,
        "skipped": dict(report.skipped),
        "error": report.error,
    }


def _line(report: Report) -> str:
    skipped = ", ".join(
        f"{count} {Export.Skip(reason).label}" for reason, count in sorted(report.skipped.items())
    )
    name = report.profile.name if len(report.profile.name) <= 40 else report.profile.name[:39] + "…"
    error = f"  ERROR {report.error}" if report.error else ""
    counts = f"{report.matched:>8} {report.queued:>8} {report.known:>8}"
    return f"{report.profile.pk:>6}  {name:<40} {counts}  {skipped}{error}"
