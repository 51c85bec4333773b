"""Runs the sweep by hand."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from delivery.channels import Said
from delivery.models import Delivery
from delivery.queue import NewDelivery
from exports import channel, sweep
from exports.models import Export, ExportProfile
from exports.sweep import Report


class Command(BaseCommand):
    help = (
        "Turns what happened since the last run into deliveries, for the profiles that are due. "
        "Exit status: 0 done, 1 a profile could not be rendered, 2 wrong call."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--profile", type=int, metavar="ID", help="only this profile")
        parser.add_argument(
            "--now", action="store_true", help="do not wait for the clock (delays are still kept)"
        )
        parser.add_argument("--dry-run", action="store_true", help="show the requests; keep and send nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        shown: list[dict[str, Any]] = []
        reports = self._run(options, shown)
        if options["json"]:
            profiles = [_as_json(report) for report in reports]
            result = {"profiles": profiles, "dry_run": options["dry_run"], "requests": shown}
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            self._table(reports, shown, is_dry=options["dry_run"])
        if any(report.error for report in reports):
            raise SystemExit(1)

    def _run(self, options: dict[str, Any], shown: list[dict[str, Any]]) -> list[Report]:
        def show(delivery: NewDelivery) -> None:
            shown.append(_request(delivery))

        if not (options["now"] or options["profile"] or options["dry_run"]):
            return sweep.run_due()
        profiles = _chosen(options["profile"])
        return sweep.run(profiles, dry_run=options["dry_run"], show=show if options["dry_run"] else None)

    def _table(self, reports: list[Report], shown: list[dict[str, Any]], *, is_dry: bool) -> None:
        if not reports:
            self.stdout.write("No profile is due. With --now the clock is not waited for.")
            return
        for request in shown:
            whose = f"[{request['profile']}: {request['customer_type']}]"
            self.stdout.write(f"{request['method']} {request['url']}  {whose}")
            for name, value in request["headers"]:
                self.stdout.write(f"  {name}: {value}")
            if request["body"]:
                self.stdout.write(f"  {request['body']}")
        self.stdout.write(f"{'id':>6}  {'profile':<40} {'matched':>8} {'queued':>8} {'known':>8}  skipped")
        for report in reports:
            self.stdout.write(_line(report))
        if is_dry:
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
        raise CommandError(f"“{profile}” is not an active Postback profile.", returncode=2)
    return [profile]


def _request(delivery: NewDelivery) -> dict[str, Any]:
    draft = Delivery(id=delivery.id, target_id=delivery.target_id, content=delivery.content)
    said: Said = channel.said(draft)
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
