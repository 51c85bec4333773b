"""The sweep: one pass over the event log that turns what happened into deliveries.

`run` walks the log once for all profiles that are due, in batches: matching is done in memory, writing in a
handful of statements per batch. What makes it safe to run twice, at once, or to be killed is the table
`Export`: a row per (profile, customer type, subject), and only who inserts it queues the delivery.
"""

from exports.sweep.clock import due, interval, postbacks, run_due, run_immediate
from exports.sweep.pause import Pause, in_pause_of
from exports.sweep.walk import Report, run

__all__ = [
    "Pause",
    "Report",
    "due",
    "in_pause_of",
    "interval",
    "postbacks",
    "run",
    "run_due",
    "run_immediate",
]
