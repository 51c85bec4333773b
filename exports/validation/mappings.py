"""The rules of field mappings, and the form in which they are stored."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from django.core.exceptions import ValidationError

from delivery import texts
from delivery.card_numbers import holds_card_number
from exports.fields import FIELDS, find
from exports.models import STATIC, ExportProfile, FieldMapping
from exports.render import HEADER, METHODS, header_name, is_header, shape_of

LONGEST_STATIC_VALUE = 100_000  # characters
LONGEST_IN_URL = 2000  # characters of static values before a warning: many servers take 8 KB for all

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2

# Of the connection (RFC 9110, 7.6.1), or following from what is sent.
_SET_BY_TRANSPORT = {
    *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te"),
    *("trailer", "upgrade", "expect", "proxy-authenticate", "proxy-authorization"),
}
_SET_BY_ENGINE = {"webhook-id", "webhook-timestamp", "webhook-signature", "user-agent"}
_WORDS = {"httpmethod": METHODS, "httpmethodtype": ("GET", "POST")}


def tidy(mapping: FieldMapping) -> None:
    """As it is stored: names spelt as the registry spells them, a secret only in its encrypted column."""
    if is_header(mapping):
        mapping.export_name = f"{HEADER}{header_name(mapping)}"
    field = find(mapping.field)
    if field is not None:
        mapping.field = field.name
    elif mapping.field.strip().lower() == STATIC.lower():
        mapping.field = STATIC
    if not mapping.is_secret:
        mapping.secret_value = ""  # unticking a box shows nothing: the value has to be typed again
    elif mapping.static_value:
        mapping.secret_value, mapping.static_value = mapping.static_value, ""


def value_of(mapping: FieldMapping) -> str:
    """The static text that is sent, secret or not."""
    return (mapping.static_value or mapping.secret_value) if mapping.is_secret else mapping.static_value


def check_mapping(mapping: FieldMapping) -> None:
    """One mapping by itself; keys are its columns."""
    fault = _name_fault(mapping)
    if fault:
        raise ValidationError({"export_name": fault})
    if mapping.field != STATIC and find(mapping.field) is None:
        raise ValidationError({"field": f"There is no field “{mapping.field[:60]}”. {_hint(mapping.field)}"})
    if is_header(mapping):
        _check_header(mapping)
    fault = _value_fault(mapping)
    if fault:
        raise ValidationError({"static_value": fault})


def check_mappings(mappings: Sequence[FieldMapping]) -> None:
    """All mappings of a profile, each by itself and beside the others. Sentences name the row at fault."""
    faults = []
    seen: set[str] = set()
    for number, mapping in enumerate(mappings, start=1):
        try:
            check_mapping(mapping)
            _check_only_one(mapping, seen)
        except ValidationError as error:
            faults += [f"Mapping {number} (“{mapping.export_name[:60]}”): {text}" for text in error.messages]
    if faults:
        raise ValidationError(faults)


def warnings(profile: ExportProfile, mappings: Sequence[FieldMapping]) -> list[str]:
    """What may be saved but is probably not meant, in sentences."""
    found = []
    if profile.pk and not profile.routes.exists():
        found.append("This profile has no route, so nothing is exported. Add one under Profile Routing.")
    values = [mapping for mapping in mappings if not is_header(mapping)]
    if not values:
        found.append("This profile maps no fields, so the call says nothing.")
    shape, names = shape_of(mappings), [mapping.export_name for mapping in values]
    for name in dict.fromkeys(names):
        if shape.is_json and names.count(name) > 1:
            found.append(f"“{name}” is mapped more than once: in JSON only the last one is sent.")
    length = sum(len(value_of(mapping)) for mapping in values)
    if shape.place == "query" and length > LONGEST_IN_URL:
        found.append(f"The static values add {length:,} characters to the URL; many servers refuse that.")
    return found


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _name_fault(mapping: FieldMapping) -> str:
    if not mapping.export_name.strip():
        return "The mapping needs an export name."
    if _CONTROL.search(mapping.export_name):
        return "The export name has a line break or a control character in it."
    return texts.fault_in(FieldMapping, {"export_name": mapping.export_name})


def _value_fault(mapping: FieldMapping) -> str:
    value = value_of(mapping)
    if mapping.field != STATIC:
        is_static = bool(value) or mapping.is_secret
        return f"Only a mapping of the field {STATIC} has a static value." if is_static else ""
    if len(value) > LONGEST_STATIC_VALUE:
        return (
            f"The static value has {len(value):,} characters; at most {LONGEST_STATIC_VALUE:,} are allowed."
        )
    if holds_card_number(value):
        return "This looks like the number of a card. Full card numbers are never stored."
    return texts.fault_in(FieldMapping, {"static_value": value})


def _check_header(mapping: FieldMapping) -> None:
    if mapping.field != STATIC:
        raise ValidationError({"field": f"A header must be static: choose {STATIC} as its field."})
    fault = _header_name_fault(header_name(mapping))
    if fault:
        raise ValidationError({"export_name": fault})
    is_word = header_name(mapping).lower() in _WORDS
    fault = _word_fault(mapping) if is_word else _header_value_fault(value_of(mapping))
    if fault:
        raise ValidationError({"static_value": fault})


def _header_name_fault(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        return (
            f"“{name[:60]}” is not the name of a header. After header: use letters, digits and dashes, "
            "as in header:Content-Type."
        )
    if name.lower() in _SET_BY_TRANSPORT:
        return f"The header {name} belongs to the connection, which sets it itself."
    if name.lower() in _SET_BY_ENGINE:
        return f"The header {name} is set by Postrider itself on every request."
    return ""


def _word_fault(mapping: FieldMapping) -> str:
    name = header_name(mapping)
    if mapping.is_secret:
        return f"{name} cannot be secret."
    allowed = _WORDS[name.lower()]
    if mapping.static_value.strip().upper() in allowed:
        return ""
    return f"“{mapping.static_value[:40]}” is not allowed for {name}. Use {listed(allowed, 'or')}."


def _header_value_fault(value: str) -> str:
    if _CONTROL.search(value):
        return "The value of a header cannot have a line break or a control character in it."
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        return f"A header cannot carry “{value[error.start]}”, only Western European letters and signs."
    return ""


def _check_only_one(mapping: FieldMapping, seen: set[str]) -> None:
    if is_header(mapping):
        name = header_name(mapping)
        if name.lower() in seen:
            raise ValidationError({"export_name": f"The header {name} is mapped twice."})
        seen.add(name.lower())


def _hint(name: str) -> str:
    close = get_close_matches(name, FIELDS, n=1)
    return f"Did you mean {close[0]}?" if close else f"For a fixed text choose {STATIC}."
