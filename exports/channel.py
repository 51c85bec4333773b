"""Export postbacks as deliveries: how one becomes a request at each attempt, and how people read it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from django.urls import reverse

from delivery import retries, sets, signing
from delivery.channels import Said, Sibling, Unsendable
from delivery.models import Delivery
from delivery.secrets import MASK, SecretUnreadable
from delivery.success import SuccessRule
from delivery.transports import Request
from exports import again
from exports.models import ExportProfile, FieldMapping
from exports.render import Content, filled, thawed, with_query
from exports.wording import describe

__all__ = [
    "IS_UNTIL_SUCCESS",
    "anew_page",
    "describe",
    "endpoints_of",
    "page",
    "prepare",
    "retry_after",
    "said",
    "siblings",
]


IS_UNTIL_SUCCESS = True


class _Masks(dict[int, str]):
    """Every secret, as a person may see it."""

    def __missing__(self, key: int) -> str:
        return MASK


def prepare(deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    """By delivery id, the request of each: what was frozen, sent to where the profile points now."""
    profiles = sets.in_bulk(ExportProfile, {delivery.target_id for delivery in deliveries})
    contents = {delivery.id: thawed(delivery.content) for delivery in deliveries}
    try:
        secrets = _secrets(contents.values())
    except SecretUnreadable as error:
        if len(profiles) <= 1:
            return {delivery.id: Unsendable("config", str(error)) for delivery in deliveries}
        return _prepared_apart(deliveries)
    return {
        delivery.id: _request(delivery, contents[delivery.id], profiles.get(delivery.target_id), secrets)
        for delivery in deliveries
    }


def _prepared_apart(deliveries: Sequence[Delivery]) -> dict[str, Request | Unsendable]:
    """Profile by profile: the others do not wait for the one whose secret cannot be read."""
    requests: dict[str, Request | Unsendable] = {}
    for target_id in {delivery.target_id for delivery in deliveries}:
        requests |= prepare([delivery for delivery in deliveries if delivery.target_id == target_id])
    return requests


def retry_after(delivery: Delivery, attempts_made: int) -> timedelta | None:
    """Exports are carried until they succeed."""
    return retries.until_success(attempts_made)


def endpoints_of(location_ids: Collection[int]) -> list[int]:
    found = ExportProfile.objects.filter(location__in=location_ids)
    return list(found.order_by().values_list("endpoint_id", flat=True))


def said(delivery: Delivery) -> Said:
    """What it says and where it would go now, secrets masked."""
    return drafted(delivery, ExportProfile.objects.get(pk=delivery.target_id))


def drafted(delivery: Delivery, profile: ExportProfile) -> Said:
    """The same of a delivery that need not be stored."""
    request = _assembled(thawed(delivery.content), profile, _Masks())
    headers = (*request.shown_headers, *signing.announced(delivery.id))
    return Said(request.method, request.shown_url, headers, request.body.decode())


def page(delivery: Delivery) -> str:
    """The profile's own page."""
    return reverse("admin:exports_exportprofile_change", args=[delivery.target_id])


def siblings(delivery: Delivery) -> Sequence[Sibling]:
    """All exports of what was taken, if there is more than one."""
    found = again.all_of(delivery)
    if len(found) < 2:
        return ()
    return [
        Sibling(f"export no. {one.number}{f', asked for by {one.by}' if one.by else ''}", one.delivery_id)
        for one in found
    ]


def anew_page(delivery: Delivery) -> str:
    """Where it is exported again; not a test, and nothing that is of no order."""
    if delivery.is_test or delivery.event is None or delivery.event.order_id is None:
        return ""
    return reverse("admin:exports_again", args=[delivery.pk])


def _request(
    delivery: Delivery, content: Content, profile: ExportProfile | None, secrets: dict[int, str]
) -> Request | Unsendable:
    if profile is None or not profile.url:
        return Unsendable("config", "The profile has no Postback URL.")
    if not profile.is_active and not delivery.is_test:
        return Unsendable("", "The profile is switched off.")
    try:
        return _assembled(content, profile, secrets)
    except KeyError:
        text = "A secret value of this profile was removed; nothing is sent without it."
        return Unsendable("config", text, is_its_own=True)


def _assembled(content: Content, profile: ExportProfile, secrets: Mapping[int, str]) -> Request:
    """The request, and the same as it may be shown. Raises KeyError for a secret that is gone."""
    used = _used(content)
    text, headers = filled(content, secrets), _headers(content, secrets)
    is_query = content.shape.place == "query"
    url = with_query(profile.url, text if is_query else "")
    shown_url, shown_headers = url, headers
    if used:
        shown_url = with_query(profile.url, filled(content, _Masks()) if is_query else "")
        shown_headers = _headers(content, _Masks())
    return Request(
        method=content.shape.method,
        url=url,
        headers=headers,
        body=b"" if is_query else text.encode(),
        timeout_seconds=profile.timeout_seconds,
        shown_url=shown_url,
        shown_headers=shown_headers,
        secrets=tuple(secrets[secret_id] for secret_id in used),
        success=_success(profile),
    )


def _success(profile: ExportProfile) -> SuccessRule | None:
    if not profile.success_rule:
        return None
    return SuccessRule(profile.success_rule, profile.success_value, profile.success_path)


def _headers(content: Content, secrets: Mapping[int, str]) -> tuple[tuple[str, str], ...]:
    shape = content.shape
    if not shape.headers:
        return shape.own_headers
    headers = tuple(
        (header.name, header.value if header.secret_id is None else secrets[header.secret_id])
        for header in shape.headers
    )
    return headers + shape.own_headers


def _used(content: Content) -> set[int]:
    """The mappings whose secrets it needs."""
    if not content.holes and not content.shape.headers:
        return set()
    in_headers = {header.secret_id for header in content.shape.headers if header.secret_id is not None}
    return in_headers | {secret_id for _, secret_id in content.holes}


def _secrets(contents: Iterable[Content]) -> dict[int, str]:
    """The secret values that these contents refer to; one query, none if there are none."""
    wanted = {secret_id for content in contents for secret_id in _used(content)}
    if not wanted:
        return {}
    stored = FieldMapping.objects.filter(pk__in=wanted, is_secret=True).values_list("pk", "secret_value")
    return {pk: value for pk, value in stored if value}
