"""Images of a small oblique scan in the forms in which scanners and converters send them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from chains import complex_echoes
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.scene import Orientation, Scene

from streamrecon.model.images import Echoes
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Header, Image, Meta
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

SCENE = Scene(
    "oblique", matrix=(7, 18, 21), voxel_mm=(3.0, 2.0, 1.5), oversampling=(1.0, 1.0, 1.0),
    te_s=(0.005, 0.010, 0.0153), orientation=Orientation.CORONAL, tilt_deg=(20.0, -15.0), n_coils=1,
    centre_lps_mm=(11.0, -4.0, 7.0),
)  # fmt: skip
TE_MS = tuple(1e3 * te_s for te_s in SCENE.te_s)
NZ, NY, NX = SCENE.matrix
MAGNITUDE, PHASE, REAL, IMAGINARY, COMPLEX = 1, 2, 3, 4, 5


def _truth() -> np.ndarray:
    """Smooth signal with a field that wraps, and air that is noise: [E, Z, Y, X]."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SCENE.matrix), indexing="ij")
    inside = x**2 + y**2 < 0.8
    field_hz = 60 * x + 35 * y * z + 20
    rng = np.random.default_rng(5)
    air = rng.normal(size=(3, *SCENE.matrix)) + 1j * rng.normal(size=(3, *SCENE.matrix))
    te_s = np.array(SCENE.te_s)[:, None, None, None]
    signal = (900 - 200 * z) * np.exp(-30 * te_s) * np.exp(2j * np.pi * field_hz * te_s)
    return np.where(inside, signal, 0) + air


TRUTH = _truth()


def header(*, vendor: str = "", with_te: bool = True, scene: Scene = SCENE) -> Header:
    """The MRD header of the scan."""
    xml = header_xml(scene)
    if vendor:
        xml = re.sub(
            rb"(<systemVendor>)[^<]*|(<acquisitionSystemInformation>)",
            lambda m: (m[1] or m[2] + b"<systemVendor>") + vendor.encode()
            + (b"" if m[1] else b"</systemVendor>"),
            xml, count=1,
        )  # fmt: skip
    if not with_te:
        xml = re.sub(rb"<TE>[^<]*</TE>", b"", xml)
    return Header(xml)


def slice_image(
    values: np.ndarray, kind: int, echo: int, first: int = 0, scene: Scene = SCENE
) -> Image:
    """Partitions [Z, Y, X] from ``first`` on, with a header that is right."""
    geometry, (count, ny, nx) = scene.geometry, values.shape
    head = np.zeros(1, IMAGE)[0]
    dz, dy, dx = geometry.voxel_mm
    shift_mm = (first + count // 2 - scene.matrix[0] // 2) * dz
    head["position"] = np.array(geometry.centre_lps_mm) + shift_mm * geometry.axes_lps[0]
    head["slice_dir"], head["phase_dir"], head["read_dir"] = geometry.axes_lps
    head["matrix_size"] = (nx, ny, count)
    head["field_of_view"] = (nx * dx, ny * dy, count * dz)
    head["channels"], head["image_type"], head["contrast"] = 1, kind, echo
    head["image_series_index"] = 10 * kind
    head["slice"] = first if count == 1 else 0
    head["acquisition_time_stamp"] = 1000
    return Image(head, values[None])


def radians(kind: int) -> np.ndarray:
    """Magnitude, or phase in radians."""
    part = np.abs(TRUTH) if kind == MAGNITUDE else np.angle(TRUTH)
    return np.asarray(part.astype(np.float32))


def sent(
    values: Callable[[int], np.ndarray] = radians,
    *,
    kinds: tuple[int, ...] = (MAGNITUDE, PHASE),
    packed: bool = False,
    change: Callable[[Image], Image] = lambda image: image,
    scene: Scene = SCENE,
) -> list[Image]:
    """All images of the scan: ``values`` by kind, slices or volumes, each one changed."""
    images = []
    for kind in kinds:
        for echo, volume in enumerate(values(kind)):
            step = len(volume) if packed else 1
            images += [
                slice_image(volume[k : k + step], kind, echo, k, scene)
                for k in range(0, len(volume), step)
            ]
    return [change(image) for image in images]


def changed(image: Image, meta: Meta | None = None, /, **fields: object) -> Image:
    """The image with other header fields, and more meta."""
    head = image.header.copy()
    for name, value in fields.items():
        head[name] = np.asarray(value)
    return replace(image, header=head, meta=image.meta | (meta or {}))


def dicom_json(**tags: object) -> Meta:
    """Meta that carries a DICOM header; a keyword is ``t`` and the eight digits of a tag."""
    elements = {
        tag[1:].upper(): {"vr": "UN", "Value": list(value) if isinstance(value, tuple) else [value]}
        for tag, value in tags.items()
    }
    return {"DicomJson": (base64.b64encode(json.dumps(elements).encode()).decode(),)}


def minihead(text: str) -> Meta:
    """Meta that carries Siemens' minihead."""
    document = f'<XProtocol>\n{{\n  <ParamMap."DICOM">\n  {{\n{text}\n  }}\n}}\n'
    return {"IceMiniHead": (base64.b64encode(document.encode()).decode(),)}


def assembled(
    images: list[Image], head: Header | None = None, **overrides: str
) -> tuple[list[Echoes], list[str]]:
    """What the gadget for images makes of them, and what it says."""
    chain = build_chain(
        "<configuration><version>2</version><stream><gadget><name>AssembleImages</name></gadget>"
        "</stream></configuration>",
        REGISTRY,
        Context(),
        overrides=overrides,
    )
    emitted: list[object] = []
    chain.run([head or header(), *images], emitted.append)
    return complex_echoes(emitted), [str(item) for item in emitted if not isinstance(item, Image)]
