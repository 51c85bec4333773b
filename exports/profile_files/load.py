"""Reading profiles from a file: found again by name within their location, all of them or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from customers.models import Location
from customers.services import ContactRefused, only_location
from exports import customer_types, services, validation
from exports.models import ExportProfile, FieldMapping, Route
from exports.profile_files.layout import ProfileEntry
from exports.validation.mappings import listed
from exports.validation.routes import customer_types_there_are
from exports.validation.urls import url_fault
from orders.models import Campaign, Product

# What changed, in the words of the file.
_WORDS = {"delay_minutes": "delay", "is_active": "active"}


@dataclass(slots=True)
class Loaded:
    """What became of one profile of the file. `notes` are for people: what is left to do, or not meant."""

    name: str
    location: str
    outcome: str  # "created", "changed" or "unchanged"
    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Refused(Exception):
    """The file asks for what the forms refuse. `errors` are (profile name, sentence); nothing was loaded."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(f"{len(errors)} errors; nothing was loaded.")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Options:
    """How to load. `location` stands for whatever the file says; `catch_up` as in `services.switch_on`."""

    by: str
    location: str | None = None
    catch_up: bool | None = None
    dry_run: bool = False


def load(entries: Sequence[ProfileEntry], options: Options) -> list[Loaded]:
    """Loads all of them in one transaction, or raises Refused with all that is wrong and loads none."""
    doubles = Counter((options.location or entry.location, entry.name) for entry in entries)
    forbidden = _forbidden_addresses(entries)  # asks the name service, so before the transaction
    loaded, errors = [], []
    with transaction.atomic():
        for entry in entries:
            try:
                if doubles[options.location or entry.location, entry.name] > 1:
                    raise ValidationError("The file has several profiles of this name.")
                if entry.settings.get("url") in forbidden:
                    raise forbidden[entry.settings["url"]]
                with transaction.atomic():
                    loaded.append(_load(entry, options))
            except (ValidationError, ContactRefused) as error:
                errors += [(entry.name, sentence) for sentence in _sentences(error)]
        transaction.set_rollback(bool(errors) or options.dry_run)
    if errors:
        raise Refused(errors)
    return loaded


def _forbidden_addresses(entries: Sequence[ProfileEntry]) -> dict[str, ValidationError]:
    """The URLs that lead to where nothing may be sent. Those that a profile has already were judged then."""
    urls = {url for entry in entries if (url := entry.settings.get("url")) and not url_fault(url)}
    known = set(ExportProfile.objects.filter(url__in=urls).values_list("url", flat=True))
    forbidden = {}
    for url in urls - known:
        try:
            validation.check_address(ExportProfile(url=url))
        except ValidationError as error:
            forbidden[url] = error
    return forbidden


def _load(entry: ProfileEntry, options: Options) -> Loaded:
    location = only_location(options.location or entry.location)
    stored = ExportProfile.objects.filter(location=location, name=entry.name).first()
    was_active = stored is not None and stored.is_active
    profile = stored or ExportProfile(location=location, name=entry.name)
    for column, value in entry.settings.items():
        setattr(profile, column, value)
    mappings, routes = _mappings(entry, stored), _routes(entry, stored, location)
    notes = _without_secrets(profile, mappings or (), was_active=was_active)
    if stored is not None and profile.is_active and not was_active and options.catch_up is None:
        raise ValidationError(
            "It is switched off here and active in the file. Say --catch-up to send the events of the "
            "pause too, or --from-now."
        )
    changes = services.save(
        profile,
        by=options.by,
        mappings=mappings,
        routes=routes,
        catch_up=options.catch_up,
        is_address_checked=True,
    )
    notes += validation.warnings(profile, list(profile.mappings.all()))
    if changes[:1] == ["created"]:
        return Loaded(entry.name, location.name, "created", [], notes)
    words = [_WORDS.get(change, change) for change in changes]
    return Loaded(entry.name, location.name, "changed" if words else "unchanged", words, notes)


def _mappings(entry: ProfileEntry, stored: ExportProfile | None) -> list[FieldMapping] | None:
    if entry.mappings is None:
        return None
    rows = [
        FieldMapping(
            export_name=row.export_name, field=row.field, static_value=row.static_value, is_secret=row.secret
        )
        for row in entry.mappings
    ]
    if stored is not None:
        services.adopt_mappings(stored, rows)
    return rows


def _without_secrets(
    profile: ExportProfile, mappings: Sequence[FieldMapping], *, was_active: bool
) -> list[str]:
    """Dumps have no secrets: what is new here and lacks one is loaded switched off, and says so."""
    missing = [row.export_name for row in mappings if row.is_secret and not validation.value_of(row)]
    if not missing or was_active:
        return []
    names = listed([f"“{name}”" for name in missing])
    if profile.is_active:
        profile.is_active = False
        return [f"Loaded switched off: type in the secret value of {names}, then switch it on."]
    return [f"The secret value of {names} has to be typed in."]


def _routes(entry: ProfileEntry, stored: ExportProfile | None, location: Location) -> list[Route] | None:
    if entry.routes is None:
        return None
    campaigns = _campaigns(location, {row.campaign for row in entry.routes if row.campaign is not None})
    products = _products(location, {row.product for row in entry.routes if row.product is not None})
    routes = [
        Route(
            customer_type=_customer_type(row.customer_type),
            campaign=campaigns[row.campaign] if row.campaign is not None else None,
            product=products[row.product] if row.product is not None else None,
        )
        for row in entry.routes
    ]
    if stored is not None:
        services.adopt_routes(stored, routes)
    return routes


def _customer_type(name: str) -> str:
    kind = customer_types.named(name)
    if kind is None:
        raise ValidationError(customer_types_there_are(name))
    return kind.key


def _campaigns(location: Location, names: set[str]) -> dict[str, Campaign]:
    found = {row.name: row for row in Campaign.objects.filter(location=location, name__in=names)}
    missing = sorted(names - set(found))
    if missing:
        raise ValidationError([f"There is no campaign “{name[:60]}” in {location}." for name in missing])
    return found


def _products(location: Location, names: set[str]) -> dict[str, Product]:
    """By name, else by SKU: names of products may repeat."""
    rows = list(Product.objects.filter(Q(name__in=names) | Q(sku__in=names - {""}), location=location))
    counts = Counter(row.name for row in rows)
    found = {row.sku: row for row in rows} | {row.name: row for row in rows}
    faults = [f"There is no product “{name[:60]}” in {location}." for name in sorted(names - set(found))]
    faults += [
        f"{counts[name]} products are called “{name[:60]}”: give the SKU instead."
        for name in sorted(names)
        if counts[name] > 1
    ]
    if faults:
        raise ValidationError(faults)
    return found


def _sentences(error: Exception) -> list[str]:
    """Each with the word of the file for what is at fault."""
    if not isinstance(error, ValidationError):
        return [str(error)]
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [f"{_WORDS.get(key, key)}: {text}" for key, texts in error.message_dict.items() for text in texts]
