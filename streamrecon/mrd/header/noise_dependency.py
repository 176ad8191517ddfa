"""Matches a scan with its noise scan, from its header or for a client's query."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamrecon.mrd.header.fields import HeaderFields, read_findings
from streamrecon.mrd.header.plausible import NOISE_BANDWIDTH
from streamrecon.mrd.header.protocol import coil_labels, dependencies
from streamrecon.mrd.wire.messages import Meta
from streamrecon.storage.noise_store import NoiseRecord


@dataclass(frozen=True, slots=True)
class NoiseLink:
    """How a scan and the noise scan it needs find each other.

    Parameters
    ----------
    measurement
        Id of this scan, under which its noise is kept; empty where the header has none.
    dependencies
        Ids of the noise scans that this scan names, in order; empty for a noise scan.
    bandwidth_ratio
        Receiver noise bandwidth relative to the sampling rate, or ``None``.
    n_coils
        Number of receiver channels, or ``None``.
    coil_labels
        Their names, as far as given.
    """

    measurement: str = field(repr=False)
    dependencies: tuple[str, ...] = field(repr=False)
    bandwidth_ratio: float | None
    n_coils: int | None
    coil_labels: tuple[str, ...]


def noise_link(xml: bytes) -> NoiseLink:
    """Read from a header of any kind of scan, complete or not.

    Raises
    ------
    HeaderError
        If the header is not readable, or one of the numbers is none.
    """
    return noise_link_of(read_findings(xml))


def noise_link_of(facts: HeaderFields) -> NoiseLink:
    """`noise_link` of a header that is parsed already."""
    system = "acquisitionSystemInformation"
    ratio = facts.number(f"{system}/relativeReceiverNoiseBandwidth")
    low, high = NOISE_BANDWIDTH
    if ratio and not low <= ratio <= high:
        facts.refuse(
            f"{system}/relativeReceiverNoiseBandwidth: found {ratio:g}, needed {low:g} to {high:g}"
        )
    link = NoiseLink(
        measurement=facts.text("measurementInformation/measurementID"),
        dependencies=tuple(id_ for kind, id_ in dependencies(facts) if kind.lower() == "noise"),
        bandwidth_ratio=ratio,
        n_coils=facts.count(f"{system}/receiverChannels"),
        coil_labels=coil_labels(facts),
    )
    facts.settle()
    return link


def dependency_meta(record: NoiseRecord | None) -> Meta:
    """Answer to a client that asks for a noise scan (message 1019).

    ``sigma`` is the standard deviation of a complex sample, per channel.
    """
    if record is None:
        return {"status": ("failed",)}
    sigma = np.sqrt(np.maximum(np.diag(record.covariance).real, 0.0))
    return {
        "status": ("success",),
        "channels": (str(len(sigma)),),
        "min_sigma": (f"{sigma.min():.9g}",),
        "max_sigma": (f"{sigma.max():.9g}",),
        "mean_sigma": (f"{sigma.mean():.9g}",),
        "noise_dwell_time_us": (f"{record.dwell_s * 1e6:.9g}",),
    }
