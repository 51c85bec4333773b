"""The only writer of export profiles, their mappings and their routes.

Every change goes through `save`, which compares with what is stored and does all that follows from it, so
that forms, files and code have the same effects. What may not be saved raises ValidationError (see
`exports.validation`) and leaves nothing behind. A form asks `mappings_after` and `routes_after` for the
complete rows that `save` takes.
"""

from exports.services.parts import add_route, change_route, remove_route, set_mappings
from exports.services.profiles import (
    approve_pci,
    clone_profile,
    create_profile,
    delete_unused,
    edit_profile,
    switch_on,
)
from exports.services.rows import adopt_mappings, adopt_routes, mappings_after, routes_after
from exports.services.saving import save, switch_off

__all__ = [
    "add_route",
    "adopt_mappings",
    "adopt_routes",
    "approve_pci",
    "change_route",
    "clone_profile",
    "create_profile",
    "delete_unused",
    "edit_profile",
    "mappings_after",
    "remove_route",
    "routes_after",
    "save",
    "set_mappings",
    "switch_off",
    "switch_on",
]
