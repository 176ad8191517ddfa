"""Turns what the service says into Prometheus metrics; no label holds a name of the wire."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamrecon.dicom.delivery.spool_depth import Depth, arrivals, depths
from streamrecon.server.settings import Settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.web.checks import Checks
from streamrecon.web.feed import Feed

_SPOOL_S = 10.0
_LATENCIES_S = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 86400)
_SUMS = {
    "lines": ("streamrecon_lines", "Lines of k-space received"),
    "images": ("streamrecon_images", "Images made"),
    "received": ("streamrecon_received_bytes", "Bytes received from clients"),
    "scan_s": ("streamrecon_scan_seconds", "Seconds of all scans that ended"),
}
_NOW = {
    "sessions": ("streamrecon_places", "Scans that may run at once"),
    "busy": ("streamrecon_scans_running", "Scans that run"),
    "idle": ("streamrecon_workers_idle", "Workers that are warm and wait"),
    "waiting": ("streamrecon_clients_waiting", "Clients in line for a worker"),
    "most_memory_bytes": ("streamrecon_scan_memory_bytes_max", "Most that one scan has held"),
    "began": ("streamrecon_start_time_seconds", "When the service began, since 1970"),
}
_COUNTED = {
    "scans": ("streamrecon_scans", "Scans that ended", "outcome"),
    "refusals": ("streamrecon_refusals", "Clients that got no worker", "code"),
    "stage_s": ("streamrecon_stage_seconds", "Seconds that gadgets worked", "gadget"),
}


class Metrics(Collector):
    """All metrics of a service, in the text form of Prometheus.

    A scrape reads what is known already: nothing is asked of disk, archive or scan for it.
    """

    def __init__(self, settings: Settings, feed: Feed, checks: Checks) -> None:
        self._spool = delivery_of(settings).spool
        self._feed = feed
        self._checks = checks
        self._depths: list[Depth] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._latency = Histogram(
            "streamrecon_delivery_seconds",
            "From the spool's promise to the destination's",
            ["destination"],
            buckets=_LATENCIES_S,
            registry=self._registry,
        )

    def text(self) -> bytes:
        """The page that is scraped."""
        return generate_latest(self._registry)

    async def run(self) -> None:
        """Look into the spool again and again until cancelled."""
        seen = time.time()
        while True:
            seen = await asyncio.to_thread(self._look, seen)
            await asyncio.sleep(_SPOOL_S)

    def _look(self, after: float) -> float:
        if self._spool is None:
            return after
        try:
            self._depths = depths(self._spool)
            found = arrivals(self._spool, after)
        except sqlite3.Error:  # the check of the spool says so
            return after
        for arrival in found:
            self._latency.labels(arrival.destination).observe(arrival.seconds)
            after = max(after, arrival.at)
        return after

    def collect(self) -> Iterator[Metric]:
        """Everything but the latency, which is counted here."""
        yield _level("streamrecon_up", "Whether the service answers", self._feed.is_live)
        yield from self._of_service(self._feed.board.service)
        yield from self._of_scans()
        yield from self._of_spool()
        ready = GaugeMetricFamily(
            "streamrecon_ready", "Whether a check finds no fault", labels=["check"]
        )
        for name, check in self._checks.answers.items():
            ready.add_metric([name], float(not check.fault))
        yield ready

    def _of_service(self, service: Mapping[str, object]) -> Iterator[Metric]:
        if not service:
            return
        info = GaugeMetricFamily("streamrecon_info", "Version", labels=["version"])
        info.add_metric([str(service["version"])], 1.0)
        yield info
        for key, (name, purpose) in _NOW.items():
            yield _level(name, purpose, service[key])
        for key, (name, purpose) in _SUMS.items():
            yield CounterMetricFamily(name, purpose, value=_number(service[key]))
        for key, (name, purpose, label) in _COUNTED.items():
            counts = service[key]
            family = CounterMetricFamily(name, purpose, labels=[label])
            for word, count in counts.items() if isinstance(counts, dict) else ():
                family.add_metric([word], count)
            yield family

    def _of_scans(self) -> Iterator[Metric]:
        running = [scan for scan in self._feed.board.scans.values() if not scan.ended]
        queues = GaugeMetricFamily(
            "streamrecon_queue_bytes", "Bytes that wait within running scans", labels=["queue"]
        )
        queues.add_metric(["in"], sum(scan.waiting_in for scan in running))
        queues.add_metric(["out"], sum(scan.waiting_out for scan in running))
        yield queues
        memory = GaugeMetricFamily(
            "streamrecon_memory_bytes", "Resident memory", labels=["process"]
        )
        memory.add_metric(["listener"], _number(self._feed.board.service.get("memory_bytes", 0)))
        memory.add_metric(["workers"], sum(scan.memory_bytes for scan in running))
        yield memory

    def _of_spool(self) -> Iterator[Metric]:
        labels = ["destination", "state"]
        images = GaugeMetricFamily("streamrecon_spool_images", "Images in the spool", labels=labels)
        sizes = GaugeMetricFamily("streamrecon_spool_bytes", "Bytes in the spool", labels=labels)
        ages = GaugeMetricFamily(
            "streamrecon_spool_oldest_seconds", "Age of the oldest image", labels=labels
        )
        for depth in self._depths:
            words = [depth.destination, depth.state.value]
            images.add_metric(words, depth.images)
            sizes.add_metric(words, depth.bytes)
            ages.add_metric(words, time.time() - depth.oldest)
        yield from (images, sizes, ages)


def _level(name: str, purpose: str, value: object) -> Metric:
    return GaugeMetricFamily(name, purpose, value=_number(value))


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
