"""The numbers of `/metrics`, as Prometheus reads them: from counts and endpoints, never from deliveries."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from config import readiness
from delivery import counts
from delivery.overview import Overview, overview
from delivery.transports import ERRORS

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
Totals = Mapping[tuple[str, str], tuple[int, float]]


def text(now: datetime) -> bytes:
    """All numbers as of now; three statements, whatever there is."""
    registry = CollectorRegistry()
    registry.register(_Collected([*_counted(counts.totals()), *_standing(overview(), now)]))
    return generate_latest(registry)


class _Collected(Collector):
    """What was read once, in the form in which the library wants it."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _counted(totals: Totals) -> Iterator[Metric]:
    channels = sorted({*settings.POSTRIDER_CHANNELS, *(channel for channel, _ in totals)})
    yield from _deliveries(totals, channels)
    yield from _attempts(totals, channels)
    yield _lag(totals, channels)
    yield from _sweeps(totals)


def _deliveries(totals: Totals, channels: Iterable[str]) -> Iterator[Metric]:
    queued = CounterMetricFamily("postrider_deliveries_queued", "Deliveries queued.", labels=["channel"])
    finished = CounterMetricFamily(
        "postrider_deliveries_finished",
        "Deliveries finished, by the state they ended in.",
        labels=["channel", "state"],
    )
    waiting = GaugeMetricFamily(
        "postrider_deliveries_waiting", "Deliveries that are not finished.", labels=["channel"]
    )
    waits = counts.waiting(totals)
    for channel in channels:
        queued.add_metric([channel], _number(totals, channel, counts.QUEUED))
        waiting.add_metric([channel], waits.get(channel, 0))
        for state in counts.FINISHED:
            finished.add_metric([channel, state], _number(totals, channel, state))
    yield from (queued, finished, waiting)


def _attempts(totals: Totals, channels: Iterable[str]) -> Iterator[Metric]:
    labels = ["channel", "outcome"]
    number = CounterMetricFamily(
        "postrider_attempts", "Attempts by outcome: ok, or what they failed with.", labels=labels
    )
    seconds = CounterMetricFamily(
        "postrider_attempts_seconds", "How long attempts took, all together, by outcome.", labels=labels
    )
    known = {what for _, what in totals if what.startswith(counts.ATTEMPT)}
    outcomes = sorted(known | {f"{counts.ATTEMPT}{word}" for word in (counts.OK, *ERRORS)})
    for channel in channels:
        for what in outcomes:
            values = [channel, what.removeprefix(counts.ATTEMPT)]
            number.add_metric(values, _number(totals, channel, what))
            seconds.add_metric(values, _seconds(totals, channel, what))
    yield from (number, seconds)


def _lag(totals: Totals, channels: Iterable[str]) -> Metric:
    lag = HistogramMetricFamily(
        "postrider_first_attempt_lag_seconds",
        "From the record of an event to the first attempt of a delivery that follows from it.",
        labels=["channel"],
    )
    for channel in channels:
        buckets, so_far, seconds = [], 0, 0.0
        for limit in counts.LAG_LIMITS:
            what = counts.lag_within(limit)
            so_far += _number(totals, channel, what)
            seconds += _seconds(totals, channel, what)
            buckets.append(("+Inf" if limit == float("inf") else str(float(limit)), so_far))
        lag.add_metric([channel], buckets=buckets, sum_value=seconds)
    return lag


def _sweeps(totals: Totals) -> Iterator[Metric]:
    runs, queued = _number(totals, "export", counts.SWEEP), _number(totals, "export", counts.SWEEP_QUEUED)
    seconds = _seconds(totals, "export", counts.SWEEP)
    yield CounterMetricFamily("postrider_sweep_runs", "Runs of the sweep.", value=runs)
    yield CounterMetricFamily("postrider_sweep_seconds", "How long they took, all together.", value=seconds)
    yield CounterMetricFamily("postrider_sweep_queued", "Deliveries that they queued.", value=queued)


def _standing(now_is: Overview, now: datetime) -> Iterator[Metric]:
    version = GaugeMetricFamily("postrider_build_info", "The version that answers.", labels=["version"])
    version.add_metric([settings.VERSION], 1)
    endpoints = GaugeMetricFamily("postrider_endpoints", "Endpoints by health.", labels=["health"])
    for health in ("good", "failing", "asleep", "held"):
        endpoints.add_metric([health], getattr(now_is, health))
    yield from (version, endpoints)
    yield GaugeMetricFamily(
        "postrider_oldest_due_seconds",
        "For how long something has been due that no worker has come to; 0: they keep up.",
        value=now_is.overdue_seconds(now),
    )
    yield GaugeMetricFamily(
        "postrider_tick_overdue_seconds",
        "How late the minute's tick is; beyond 90 no worker cluster is alive.",
        value=readiness.tick_overdue_seconds(now),
    )


def _number(totals: Totals, channel: str, what: str) -> int:
    return totals.get((channel, what), (0, 0.0))[0]


def _seconds(totals: Totals, channel: str, what: str) -> float:
    return totals.get((channel, what), (0, 0.0))[1]
