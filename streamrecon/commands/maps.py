"""`streamrecon maps`: all maps of magnitude and phase made elsewhere, in NIfTI or DICOM files."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from streamrecon_gadgets import REGISTRY
from streamrecon_gadgets.exchange.integer_ppb import IntegerPpb
from streamrecon_gadgets.exchange.scanner_images import AssembleImages

from streamrecon.cohort.bids_names import folder_of
from streamrecon.cohort.data_set import refuse_other_type
from streamrecon.cohort.entities import prefix
from streamrecon.cohort.single_scan import add_to_data_set, entities_named, provenance_of_files
from streamrecon.commands.image_inputs.echo_files import EchoFiles, name_of
from streamrecon.commands.image_inputs.given_images import first_of_pair, read_given
from streamrecon.commands.image_inputs.given_scan_options import add_given_scan
from streamrecon.commands.image_inputs.mask_files import read_regions
from streamrecon.commands.image_inputs.source_study import add_dicom_output, formats_of, joined
from streamrecon.commands.qsm import refuse_to_replace, sign_of_files
from streamrecon.commands.run_setup.chains import chain_called, refuse_unknown
from streamrecon.commands.run_setup.options import add_chain, add_storage, writable, write
from streamrecon.commands.run_setup.stage_progress import StageProgress
from streamrecon.console import Watch
from streamrecon.errors import ConfigError, ReconError
from streamrecon.model.images import Echoes, Regions, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Image
from streamrecon.output.formats import ScanResults, write_harvest
from streamrecon.output.names import plain
from streamrecon.phase.phase_scaling import complex_echoes
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.spec import ChainSpec, GadgetSpec
from streamrecon.stream.gadget import Context
from streamrecon.stream.run.chain import Chain

_DESCRIPTION = """\
SWI, projections, susceptibility, tSWI, R2*, T2*, veins, field map and masks of multi-echo GRE,
magnitude and phase or real and imaginary parts, in NIfTI or DICOM files made elsewhere, by the
chain that a scanner's own images go through. What is not given is found out and told, as by
`streamrecon qsm`, which makes susceptibility alone and has more choices for it."""
_EPILOG = """\
examples:
  streamrecon maps --phase sub-1_echo-*_part-phase_MEGRE.nii.gz \\
                   --mag sub-1_echo-*_part-mag_MEGRE.nii.gz -o maps
  streamrecon maps dicom/ --set quality=best -o maps

Written: NIfTI with JSON sidecars, a contact sheet, and readings if the chain is asked for some;
with --bids as a BIDS derivative data set. `streamrecon batch` does it for a tree."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_given_scan(parser)
    result = parser.add_argument_group("the maps")
    add_chain(
        result, "chain that begins with AssembleImages (%(default)s)", default="gre_full_images"
    )
    result.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the files"
    )
    result.add_argument(
        "--bids", metavar="sub-01[_ses-1]",
        help="add them to a BIDS derivative data set in that folder, as this subject's",
    )  # fmt: skip
    result.add_argument(
        "--overwrite", action="store_true", help="replace what a run of the same name has made"
    )
    add_dicom_output(result)
    add_storage(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the images, run the chain behind its assembly, write what comes."""
    began = time.perf_counter()
    name = name_of(first_of_pair(options))
    _refuse_to_replace(options, name)
    with _place(options) as folder:
        chain = _chain(options, name, folder)
        with Watch(options.output.name) as watch:
            volumes = _made(options, chain, watch)
            watch.say(Notice(Level.INFO, f"done in {time.perf_counter() - began:.1f} s"))
        _write(_results(volumes), options, folder)
    return 0


def _refuse_to_replace(options: argparse.Namespace, name: str) -> None:
    folder, beginning = writable(options.output), plain(name)
    if options.bids is not None:
        refuse_other_type(folder)
        scan = entities_named(options.bids)
        folder, beginning = folder / folder_of(scan) / "anat", prefix(scan)
    refuse_to_replace(folder, beginning, options.overwrite)


@contextmanager
def _place(options: argparse.Namespace) -> Iterator[Path]:
    """Where results are made: the output, or a folder whose files go to their names in BIDS."""
    if options.bids is None:
        yield options.output
        return
    options.output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unfinished-", dir=options.output) as scratch:
        yield Path(scratch)


def _made(options: argparse.Namespace, chain: Chain, watch: Watch) -> list[Volume]:
    """The maps of the images that are given."""
    files = joined(read_given(options), dicom=options.dicom)
    _refuse_to_replace(options, files.name)
    beside = (options.mag or options.real)[0]
    given = read_regions(
        options.mask, None, files.geometry, beside=beside, magnitude=files.magnitude
    )
    for level, texts in (
        (Level.INFO, (*files.messages, *given.messages)),
        (Level.WARNING, (*files.doubts, *given.doubts)),
    ):
        for text in texts:
            watch.say(Notice(level, text))
    return _volumes(chain, (given.regions, _echoes(files, options.sign)), watch)


def _write(harvest: ScanResults, options: argparse.Namespace, folder: Path) -> None:
    """Write into the folder, and from there into the data set if one is wanted."""
    if options.bids is None:
        write(harvest, folder, formats_of(options))
        return
    write_harvest(harvest, folder, formats_of(options))
    command = ["maps", "--config", options.config, "--bids", options.bids]
    command += [word for key, value in options.values for word in ("--set", f"{key}={value}")]
    given = (
        path for name in ("phase", "mag", "real", "imag") for path in getattr(options, name) or ()
    )
    made_by = provenance_of_files(command, given)
    for path in add_to_data_set(folder, entities_named(options.bids), options.output, made_by):
        print(path)


def _chain(options: argparse.Namespace, name: str, folder: Path) -> Chain:
    """The chain without what serves a wire: the files make it unnecessary."""
    spec = chain_called(options.config)
    overrides = dict(options.values)
    refuse_unknown(overrides, spec)
    context = Context(storage=options.storage, tables=folder, session=name)
    return build_chain(_for_files(spec), REGISTRY, context, overrides=overrides)


def _for_files(spec: ChainSpec) -> ChainSpec:
    """The chain behind its assembly, without whole ppb: 0 in a file is where nothing is known.

    Raises
    ------
    ConfigError
        If the chain does not begin with the assembly.
    """
    first, *rest = spec.nodes or (None,)
    if not isinstance(first, GadgetSpec) or first.class_name != AssembleImages.__name__:
        raise ConfigError(
            f"--config: the chain does not begin with {AssembleImages.__name__}; needed one for "
            "images, as gre_full_images or gre_qsm_images"
        )
    kept = (node for node in rest if getattr(node, "class_name", "") != IntegerPpb.__name__)
    return replace(spec, nodes=tuple(kept))


def _echoes(files: EchoFiles, wanted: str) -> Echoes:
    sign = sign_of_files(files) if wanted == "auto" else PhaseSign(int(wanted), SignOrigin.GIVEN)
    data = complex_echoes(files.magnitude, files.phase, files.scale, sign=sign.value)
    comments = (*files.messages[-1:], *files.doubts)
    return Echoes(data, files.scan(sign, comments), noise=files.noise)


def _volumes(chain: Chain, items: Iterable[Regions | Echoes], watch: Watch) -> list[Volume]:
    volumes: list[Volume] = []

    def emit(item: object) -> None:
        if isinstance(item, Notice):
            watch.say(item)
        elif isinstance(item, Volume):
            volumes.append(item)
            watch.received()

    StageProgress(chain.steps, watch.stage)
    for notice in chain.notices:
        watch.say(notice)
    chain.run(items, emit)
    if not volumes:
        raise ReconError("maps: the chain made no image; its notices say why")
    return volumes


def _results(volumes: list[Volume]) -> ScanResults:
    series = ImageSeries()
    images: list[Image] = [image for volume in volumes for image in series.images(volume)]
    return ScanResults(b"", images, known=volumes[0].scan.protocol)
