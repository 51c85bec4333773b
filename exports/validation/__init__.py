"""What may be saved as a profile and its mappings: the rules that forms, services and files share.

Each `check_` raises Django's ValidationError, with the fields at fault as keys and sentences for people.
"""

from exports.validation.mappings import check_mapping, check_mappings, tidy, value_of, warnings
from exports.validation.profiles import as_active, check_address, check_profile, check_together
from exports.validation.routes import check_routes

__all__ = [
    "as_active",
    "check_address",
    "check_mapping",
    "check_mappings",
    "check_profile",
    "check_routes",
    "check_together",
    "tidy",
    "value_of",
    "warnings",
]
