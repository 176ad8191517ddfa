"""What a scan will need is said before its first line, and refused where it does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from chains import CONFIG, texts
from narrowing import as_a, given
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.acquisition.scan_memory import resident_bytes, scan_size
from streamrecon.errors import MemoryLimitError
from streamrecon.model.memory_use import MemoryUse, ScanSize
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions, Header, Message
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context
from streamrecon.stream.run.memory_peak import peak_bytes
from streamrecon.units import MIB

SCENE = Scene("a small one", matrix=(6, 14, 15), n_coils=3, te_s=(0.005, 0.012), noise_lines=4)
LARGE = """<ismrmrdHeader><acquisitionSystemInformation><receiverChannels>64</receiverChannels>
</acquisitionSystemInformation><experimentalConditions>
<H1resonanceFrequency_Hz>127732436</H1resonanceFrequency_Hz></experimentalConditions><encoding>
<trajectory>cartesian</trajectory>{spaces}</encoding>
<sequenceParameters><TE>5</TE><TE>10</TE></sequenceParameters></ismrmrdHeader>"""


def large_header() -> Header:
    """A scan of 800 by 800 by 800 voxels and 64 channels: 488 GiB of k-space."""
    return header_of((800, 800, 800), "".join(f"<{axis}>800</{axis}>" for axis in "xyz"))


def header_of(shape: tuple[int, int, int], fov_mm: str) -> Header:
    """A header of a volume of that shape (z, y, x), its field of view as it is written."""
    axes = "".join(f"<{axis}>{n}</{axis}>" for axis, n in zip("zyx", shape, strict=True))
    grid = f"<matrixSize>{axes}</matrixSize><fieldOfView_mm>{fov_mm}</fieldOfView_mm>"
    spaces = "".join(f"<{name}>{grid}</{name}>" for name in ("encodedSpace", "reconSpace"))
    return Header(LARGE.format(spaces=spaces).encode())


def size_of(shape: tuple[int, int, int]) -> ScanSize:
    """That of a scan of 144 × 144 mm in slices of 2 mm."""
    fov_mm = f"<x>144</x><y>144</y><z>{2 * shape[0]}</z>"
    return scan_size(ScanHeader(header_of(shape, fov_mm).xml).protocol, 1)


def run(chain: str, items: Iterable[Message], *, memory_bytes: int | None = None) -> list[object]:
    emitted: list[object] = []
    context = Context(memory_bytes=memory_bytes)
    build_chain((CONFIG / chain).read_bytes(), REGISTRY, context).run(items, emitted.append)
    return emitted


def stated_gib(emitted: Iterable[object]) -> float:
    (text,) = [text for text in texts(emitted) if text.startswith("INF memory: ")]
    return float(given(re.search(r"about ([\d.]+) GiB", text))[1])


def test_the_need_is_said_before_any_line_is_taken() -> None:
    header, *lines = simulate(SCENE).messages()
    emitted: list[object] = []

    def items() -> Iterator[Message]:
        yield header
        assert any(text.startswith("INF memory: about ") for text in texts(emitted))
        yield from lines

    chain = build_chain((CONFIG / "gre_recon.xml").read_bytes(), REGISTRY)
    chain.run(items(), emitted.append)

    assert "2 echoes, 3 channels, 1260 voxels" in texts(emitted)[0]
    assert stated_gib(emitted) < 1.05 * (resident_bytes() + 64 * MIB) / (1 << 30)


def test_a_scan_that_cannot_fit_is_refused_by_its_header_alone() -> None:
    told = r"512000000 voxels, 1000000000 with room around them, needs about 5\d\d"

    with pytest.raises(MemoryLimitError, match=f"64 channels, {told}"):
        run("gre_recon.xml", [large_header()])


def test_a_limit_that_is_given_counts() -> None:
    scan = [*simulate(SCENE).messages()]

    with pytest.raises(MemoryLimitError, match=r"needed at most the 0.01 GiB"):
        run("gre_recon.xml", scan, memory_bytes=10 * MIB)


def test_lines_with_more_channels_than_the_header_says_are_counted_again() -> None:
    header, *lines = simulate(SCENE).messages()
    silent = Header(
        as_a(Header, header).xml.replace(b"<receiverChannels>3</receiverChannels>", b"")
    )

    emitted = run("gre_recon.xml", [silent, *lines])

    channels = [text.split("echoes, ")[1].split()[0] for text in texts(emitted) if "memory" in text]
    assert channels == ["1", "3"]


def test_a_noise_scan_needs_nothing_said() -> None:
    emitted = run(
        "default_measurement_dependencies.xml",
        simulate(replace(SCENE, noise_only=True)).messages(),
    )

    assert not [text for text in texts(emitted) if "memory" in text]


def test_branches_are_at_their_peaks_at_once_and_stages_are_not() -> None:
    size = ScanSize(grid_bytes=0, n_echoes=4, n_voxels=10**9, n_padded=2 * 10**9)
    recon, swi, qsm, full = (
        peak_bytes(build_chain((CONFIG / f"{name}.xml").read_bytes(), REGISTRY)._node, size)
        for name in ("gre_recon", "gre_swi", "gre_qsm", "gre_full")
    )

    assert recon < swi <= qsm < full < swi + 2 * qsm


def test_a_thin_slab_needs_the_room_around_it() -> None:
    """Of two scans with as many voxels: a field is convolved on eight times as many for a slab."""
    sizes = {shape: size_of(shape) for shape in ((2, 384, 384), (66, 67, 67))}

    slab, head = (
        peak_bytes(build_chain((CONFIG / "gre_qsm.xml").read_bytes(), REGISTRY)._node, size)
        for size in sizes.values()
    )

    assert [round(size.n_padded / size.n_voxels) for size in sizes.values()] == [16, 2]
    assert slab > 3 * head


def test_voxels_of_a_hair_in_a_field_of_view_of_a_hall_are_refused_for_their_room() -> None:
    with pytest.raises(MemoryLimitError, match=r" 38400 voxels, \d{9,} with room around"):
        run("gre_qsm.xml", [header_of((4, 12, 800), "<x>1</x><y>9000</y><z>4</z>")])


def test_the_grid_is_that_of_the_longer_of_lines_and_voxels() -> None:
    scene = replace(SCENE, recon_matrix=(8, 14, 31), oversampling=(1.5, 1.0, 2.0))
    header = next(iter(simulate(scene).messages()))

    size = scan_size(ScanHeader(as_a(Header, header).xml).protocol, 3)

    assert size.grid_bytes == 8 * 2 * 3 * 9 * 14 * 31
    assert size.n_voxels == 8 * 14 * 31
    assert MemoryUse(grids=2, echo_voxel_bytes=3).bytes_of(size) == (
        2 * size.grid_bytes + 3 * 2 * size.n_voxels
    )


def test_volumes_that_are_open_at_once_are_bounded() -> None:
    scene = replace(SCENE, matrix=(12, 28, 30), n_coils=8)
    header, noise, lines = simulate(scene).messages()
    xml = as_a(Header, header).xml.replace(
        b"<repetition>", b"<set><minimum>0</minimum><maximum>999</maximum><center>0</center></set>"
        b"<repetition>",
    )  # fmt: skip
    each_of_another_set = [as_a(Acquisitions, lines).select(slice(n, n + 1)) for n in range(100)]
    for number, line in enumerate(each_of_another_set):
        head = line.header.copy()
        head["idx"]["set"] = number
        each_of_another_set[number] = Acquisitions(head, line.data, line.trajectory)
    limit = resident_bytes() + 64 * MIB  # fifty volumes of 1.3 MB

    with pytest.raises(MemoryLimitError, match="volumes at once"):
        run("gre_recon.xml", [Header(xml), noise, *each_of_another_set], memory_bytes=limit)
