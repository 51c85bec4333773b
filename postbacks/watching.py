"""What each config asked for, and when: so that an event is judged by what held as it was recorded.

An event may be taken long after it was recorded, and on PostgreSQL may become visible long after: its
transaction was open. Neither may lose it, nor tell what was not asked for, however often a config is switched
off and on, or changed, meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from postbacks import logins
from postbacks.models import PostbackConfig, Watch

# Settings that say of what a config is told. All others hold as they are when an event is taken.
WHAT = ("resource", "on_create", "on_update", "on_delete", "gateway_id")


def follow(config: PostbackConfig, changes: Collection[str], at: datetime) -> None:
    """In the transaction of a change: what was asked for until now ends, and what is asked for now begins."""
    if not {"is_active", *WHAT}.isdisjoint(changes):
        end(config, at)
        begin(config, at)


def begin(config: PostbackConfig, at: datetime) -> None:
    """From now on, if it is switched on."""
    if config.is_active:
        Watch.objects.create(config=config, since=at, **{name: getattr(config, name) for name in WHAT})


def end(config: PostbackConfig, at: datetime) -> None:
    Watch.objects.filter(config=config, until=None).update(until=at)


def locked(
    location_ids: Collection[int], resources: Collection[str], since: datetime
) -> dict[tuple[int, str], list[Watch]]:
    """By location and resource, what was asked for since that time; the configs stay locked.

    Who edits one waits, or has been waited for: so the watches are read after the lock, not with it.
    """
    watches = Watch.objects.filter(Q(until=None) | Q(until__gt=since), resource__in=resources)
    # Secrets stay closed: what is frozen holds none.
    lean = PostbackConfig.objects.defer(*logins.NAMES).filter(
        location_id__in=location_ids, pk__in=watches.values("config")
    )
    configs = {
        config.pk: config for config in lean.select_for_update(of=("self",), no_key=True).order_by("pk")
    }
    found: dict[tuple[int, str], list[Watch]] = defaultdict(list)
    for watch in watches.filter(config__in=list(configs)).order_by("pk") if configs else ():
        watch.config = configs[watch.config_id]
        found[watch.config.location_id, watch.resource].append(watch)
    return found
