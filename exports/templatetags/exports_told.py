"""For pages that ask before something is done: which export profiles would be told of it."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.context import Context

from exports.told import who_is_told
from orders.lifecycle import Foreseen

MOST_NAMED = 20

register = template.Library()


@register.simple_tag(takes_context=True)
def told_of(context: Context, foreseen: Sequence[Foreseen]) -> dict[str, Any]:
    """How many, and the names of the first; no names for who may not see export profiles."""
    told = who_is_told(foreseen)
    user = context["request"].user
    may_see = any(user.has_perm(f"exports.{verb}_exportprofile") for verb in ("view", "change"))
    return {
        "count": len(told),
        "named": told[:MOST_NAMED] if may_see else [],
        "more": max(len(told) - MOST_NAMED, 0),
    }
