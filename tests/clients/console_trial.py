"""One scan through one client, held against what the same chain makes without a console."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from context import raw_label
from fire_dicom import TICK_S, dicom_of, places_lps_mm, shown
from mrd_clients import Heard, Received, fire_client, gadgetron_client
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene

from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.layout import NOISE
from streamrecon.mrd.wire.messages import Acquisitions, Message
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

_HEAD = Scene(
    "a small oblique head",
    matrix=(16, 40, 36),
    voxel_mm=(9.0, 5.0, 5.5),
    tilt_deg=(12.0, -7.0),
    centre_lps_mm=(4.0, -9.0, 15.0),
    te_s=(0.005, 0.0103, 0.0156),
    n_coils=4,
    snr=80.0,
)
SCENES = {
    "3-D, 3 echoes": _HEAD,
    "2-D, 3 echoes": Scene(
        **{
            **{name: getattr(_HEAD, name) for name in ("voxel_mm", "tilt_deg", "te_s", "snr")},
            "summary": "its slices",
            "matrix": (11, 40, 36),
            "slices": True,
            "gap_mm": 1.0,
            "order": Order.KZ_INNER,
            "n_coils": 4,
        }
    ),
    "3-D, one echo": Scene(
        "one echo", matrix=(16, 40, 36), voxel_mm=(9.0, 5.0, 5.5), te_s=(0.02,), n_coils=4, snr=80.0
    ),
    "3-D, R = 2": Scene(
        "every second line",
        matrix=(12, 48, 36),
        voxel_mm=(11.0, 4.2, 5.5),
        te_s=(0.005, 0.0103, 0.0156),
        n_coils=8,
        snr=80.0,
        sampling=Sampling((1, 2)),
    ),
}
"""By what they are to the reader of the table."""

CLIENTS = ("fire", "openrecon", "gadgetron")

_CONSOLE = b"<gadget><name>ConsoleImages</name>"
_PPB = b"<gadget><name>IntegerPpb</name></gadget>"
_PER_UNIT = {"ppb": 1e3, "ms": 1e3}


@dataclass(frozen=True)
class Trial:
    """What a client had of one scan.

    Parameters
    ----------
    n_images, n_expected, n_series
        Images that came, slices that the chain made, series.
    place_mm
        How far the farthest corner is from its true place.
    steps
        Largest error of a voxel that is not clipped, in steps of its integers.
    n_clipped
        Voxels beyond the range.
    faults
        Everything else that is not as it should be, in words.
    """

    n_images: int
    n_expected: int
    n_series: int
    place_mm: float
    steps: float
    n_clipped: int
    faults: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether all came, and all is read as it was meant."""
        return (
            self.n_images == self.n_expected
            and not self.faults
            and self.place_mm <= 0.01
            and self.steps <= 0.5 * (1 + 1e-3)  # numbers travel as texts of nine digits
        )


def as_floats(chain: str, scan: Sequence[Message]) -> list[Volume]:
    """What the chain makes, as it makes it."""
    emitted: list[object] = []
    document = find_chain_file(chain).replace(_PPB, b"")
    build_chain(document, REGISTRY).run(scan, emitted.append)
    return [item for item in emitted if isinstance(item, Volume)]


def through_client(
    client: str, address: tuple[str, int], chain: str, scan: Sequence[Message], **options: object
) -> Heard:
    """The scan through one of the clients, with a console's parameters.

    OpenRecon's host sends all that its label shows, at its defaults.
    """
    if client == "gadgetron":
        text = find_chain_file(chain).replace(_CONSOLE, _CONSOLE + _property("console", client))
        for name, value in options.items():
            text = text.replace(_CONSOLE, _CONSOLE + _property(name, str(value)))
        return gadgetron_client(address, scan, config=f"{chain}.xml", text=text)
    shown: dict[str, object] = {"sendOriginal": "False"}
    if client == "openrecon":
        shown = {each["id"]: each["default"] for each in raw_label()["parameters"]}
    parameters = shown | {"config": chain, "console": client} | options
    return fire_client(address, scan, config=chain, parameters=parameters)


def _property(name: str, value: str) -> bytes:
    return f'<property name="{name}" value="{value}"/>'.encode()


def judged(heard: Heard, volumes: Sequence[Volume], scene: Scene, scan: Sequence[Message]) -> Trial:
    """Hold what came against what was made."""
    made = defaultdict[tuple[str, int, int], list[Volume]](list)
    for volume in volumes:
        made[volume.quantity.label, volume.echo or 0, volume.repetition].append(volume)
    begun = defaultdict[tuple[object, ...], int](int)
    faults = [text for text in heard.texts if text.startswith("ERR")]
    places, steps, clipped = [0.0], [0.0], 0
    times_s = _times_s(scan, scene)
    for image in heard.images:
        key = (image.text("STREAMRECON_Quantity"), image.header.contrast, image.header.repetition)
        begun[key] += image.header.slice == 0  # the slices of a volume follow one another
        if begun[key] > len(made[key]):
            faults.append(f"{key}: one that the chain did not make")
            continue
        volume = made[key][begun[key] - 1]
        step, beyond = _error(image, volume)
        places.append(_away_mm(image, volume, scene))
        steps.append(step)
        clipped += beyond
        faults += _words(image, volume, times_s)
    series = {image.header.image_series_index for image in heard.images}
    expected = sum(volume.geometry.shape[0] for volume in volumes)
    faults += _indices(heard.images)
    return Trial(
        len(heard.images), expected, len(series), max(places), max(steps), clipped,
        tuple(dict.fromkeys(faults)),
    )  # fmt: skip


def _error(image: Received, volume: Volume) -> tuple[float, int]:
    """Largest error in steps, and voxels at the end of the range that lie beyond it."""
    data = dicom_of(image)
    if data is None:
        return np.inf, 0
    ratio = image.number("GADGETRON_ScaleRatio")
    per_unit = _PER_UNIT.get(image.text("STREAMRECON_Unit"), 1.0)
    truth = volume.values[image.header.slice] * per_unit
    # of an arbitrary unit the host shows steps
    form = volume.quantity.dicom
    is_arbitrary = form is None or form.unit is None
    found = shown(data) / ratio if is_arbitrary else shown(data)
    wrong = np.abs(found - truth) * ratio
    if volume.quantity is Quantity.PHASE:
        wrong = np.abs(np.angle(np.exp(1j * (found - truth)))) * ratio
    top = image.pixels.max() if image.pixels.dtype.kind == "u" else np.iinfo("i2").max
    ends = np.isin(image.pixels[0, 0], [0, 4095, 65535, top, np.iinfo("i2").min, -2048, 2047])
    beyond = ends & (wrong > 0.5)
    return float(wrong[~beyond].max(initial=0.0)), int(beyond.sum())


def _away_mm(image: Received, volume: Volume, scene: Scene) -> float:
    """Of the farthest corner, from where the scene has it; of a coarse preview, its own grid."""
    data = dicom_of(image)
    if data is None:
        return float("inf")
    is_scene = volume.geometry.shape == scene.geometry.shape
    grid: Geometry = scene.geometry if is_scene else volume.geometry
    _, ny, nx = grid.shape
    corners = [(image.header.slice, y, x, 1) for y in (0, ny - 1) for x in (0, nx - 1)]
    true = np.array([(grid.affine_lps() @ corner)[:3] for corner in corners])
    return float(np.linalg.norm(places_lps_mm(data) - true, axis=1).max())


def _times_s(scan: Sequence[Message], scene: Scene) -> list[float]:
    """When the first line of each slice was measured; of a slab once."""
    heads = np.concatenate([m.header for m in scan if isinstance(m, Acquisitions)])
    heads = heads[(heads["flags"] & np.uint64(NOISE)) == 0]
    if not scene.slices:
        return [float(heads["acquisition_time_stamp"][0]) * TICK_S] * scene.matrix[0]
    slices = heads["idx"]["slice"]
    return [
        float(heads["acquisition_time_stamp"][slices == k].min()) * TICK_S
        for k in range(scene.matrix[0])
    ]


def _words(image: Received, volume: Volume, times_s: Sequence[float]) -> list[str]:
    """What is wrong with unit, window, time, echo time, component."""
    data, form, label = dicom_of(image), volume.quantity.dicom, volume.quantity.label
    if data is None:
        return [f"{label}: no host makes a file of it"]
    faults = []
    whole = {"ppb": "[ppb]", "1/s": "/s", "": "1"}
    unit = image.text("STREAMRECON_Unit")
    if form is not None and form.unit is not None and whole.get(unit, unit) != form.unit.value:
        faults.append(f"{label}: unit {unit!r}")
    if form is not None and form.window is not None and form.window[1] >= 2:
        if (data.WindowCenter, data.WindowWidth) != tuple(map(round, form.window)):
            faults.append(f"{label}: window {data.WindowCenter} ± {data.WindowWidth}")
    elif form is not None and not data.WindowWidth >= 1:
        faults.append(f"{label}: no window")
    clock = str(data.AcquisitionTime)
    seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + float(clock[4:])
    time_s = times_s[image.header.slice]
    if "preview" in label:  # of its own lines, the central ones
        stamps = volume.scan.time_stamps
        time_s = stamps[image.header.slice if len(stamps) > 1 else 0] * TICK_S
    if abs(seconds - time_s) > TICK_S / 2:
        faults.append(f"{label}: slice {image.header.slice} at {seconds} s")
    te_s = volume.scan.echoes.te_s
    if volume.echo is not None and abs(float(data.EchoTime) - 1e3 * te_s[volume.echo]) > 1e-6:
        faults.append(f"{label}: echo time {data.EchoTime} ms")
    if data.ImageType[2] != ("P" if volume.quantity is Quantity.PHASE else "M"):
        faults.append(f"{label}: image type {list(data.ImageType)}")
    return faults


def _indices(images: Sequence[Received]) -> list[str]:
    found = defaultdict[int, list[int]](list)
    for image in images:
        found[image.header.image_series_index].append(image.header.image_index)
    return [
        f"series {series}: indices {indices[:3]}…"
        for series, indices in found.items()
        if indices != list(range(1, len(indices) + 1))
    ]


def scan_of(scene: Scene) -> list[Message]:
    """The scene's messages."""
    return list(simulate(scene).messages())
