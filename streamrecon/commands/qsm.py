"""`streamrecon qsm`: maps susceptibility from NIfTI or DICOM images made elsewhere."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace
from glob import escape
from pathlib import Path

from streamrecon_gadgets.maps.field import FieldImages, MapField
from streamrecon_gadgets.maps.phase_sign import check_object
from streamrecon_gadgets.maps.susceptibility import InvertField, RemoveBackground

from streamrecon.commands.image_inputs.echo_files import EchoFiles, name_of
from streamrecon.commands.image_inputs.given_images import first_of_pair, read_given
from streamrecon.commands.image_inputs.given_scan_options import add_given_scan
from streamrecon.commands.image_inputs.local_field import map_local_field, name_of_field
from streamrecon.commands.image_inputs.mask_files import read_regions
from streamrecon.commands.image_inputs.source_study import add_dicom_output, formats_of, joined
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import writable, write
from streamrecon.console import Watch, tell_renamed
from streamrecon.errors import ConfigError
from streamrecon.maps.phase_sign_decision import SignDecision
from streamrecon.model.images import Echoes, Regions, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.mrd.header.phase_sign import image_sign
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Image
from streamrecon.output.formats import ScanResults
from streamrecon.output.names import plain
from streamrecon.phase.phase_scaling import complex_echoes
from streamrecon.qsm.field_maps import ChiMap, FieldMap
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.pipeline import DEFAULT_QUALITY, Background, Quality
from streamrecon.qsm.total_field import TotalField
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.serial import AnyGadget, Serial, Step

_DESCRIPTION = """\
Susceptibility (QSM, in ppm) of multi-echo GRE, magnitude and phase or real and imaginary parts, in
NIfTI or DICOM files made elsewhere, by the functions that the chain gre_qsm.xml runs at the
scanner. What is not given is determined and reported: echo times and field from DICOM or the JSON
beside the files, the direction of B0 from the affine, the scale of the phase from its range, its
sign from sidecar or vendor, checked by the object's outline and by iron and veins."""
_EPILOG = """\
qualities:
  fast       a quick look: total variation on half of the grid, truncated division for the rest
  standard   for measurements: total variation, its strength from the noise
  best       as standard with up to 200 steps, nearer to the minimum of its cost: for comparison
             with converged maps; means of regions hardly change
  consensus  the example of the consensus paper (doi:10.1002/mrm.30006), for comparison

backgrounds:
  pdf        keeps the whole mask and weighs what it fits; takes some of the inner field with it
  resharp    the most exact in the core; loses a rim of 6 mm
  v-resharp  variable radius: balls of 12 mm in the core, smaller ones towards the rim
  v-sharp    quick; wrong where the field varies slowly
  ismv       no deconvolution; loses a rim of 5 mm
  lbv        the quickest; as good as the rim of the mask is; loses one layer of voxels

examples:
  streamrecon qsm --phase sub-1_echo-*_part-phase_MEGRE.nii.gz \\
                  --mag sub-1_echo-*_part-mag_MEGRE.nii.gz -o qsm
  streamrecon qsm --phase phase4d.nii --mag mag4d.nii --te 4 8 12 --b0 3 --sign -1 -o qsm
  streamrecon qsm dicom/ -o qsm
  streamrecon qsm --real dicom/ --imag dicom/ -o qsm
  streamrecon qsm --local sub-1_localfield.nii.gz --mask brain.nii.gz --b0 3 -o qsm

Written: NAME_Chimap.nii.gz in ppm with a JSON sidecar, and a contact sheet; see --fields."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    scan = add_given_scan(parser)
    scan.add_argument(
        "--local", type=there, metavar="FILE",
        help="in place of the phase: a clean local field in ppm, positive where B exceeds B0;"
        " needs --b0, takes --mask and --mag",
    )  # fmt: skip
    result = parser.add_argument_group("the map")
    result.add_argument(
        "--quality", type=_quality, choices=[quality.value for quality in Quality],
        default=DEFAULT_QUALITY.value, help="see below (%(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--background", choices=[way.value for way in Background], default=Background.PRESET.value,
        help="how the field from outside is taken off; preset: as the quality has it (%(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--inversion", choices=[way.value for way in Inversion], default=Inversion.PRESET.value,
        help="how the local field becomes the map; preset: as the quality has it; others"
        " take steps of their own and no classes of tissue (%(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--two-pass", action="store_true",
        help="invert once more what bleeds and calcifications leave of the field",
    )  # fmt: skip
    result.add_argument(
        "--reference", choices=("brain", "csf", "region"), default="brain",
        help="what is set to zero (%(default)s)",
    )  # fmt: skip
    result.add_argument("--region", type=there, metavar="FILE", help="mask for --reference region")
    result.add_argument(
        "--uncertainty", action="store_true", help="write the standard deviation by noise too"
    )
    result.add_argument(
        "--fields", action="store_true",
        help="write B0 map (Hz), its sd, local field, mask and phase quality too",
    )  # fmt: skip
    result.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the files"
    )
    result.add_argument(
        "--overwrite", action="store_true", help="replace what a run of the same name has left"
    )
    add_dicom_output(result)
    parser.set_defaults(run=run)


def _quality(word: str) -> str:
    new = RemoveBackground.old_values["quality"].get(word, word)
    if new != word:
        tell_renamed(f"--quality {word}", new)
    return new


def run(options: argparse.Namespace) -> int:
    """Make the map and write it."""
    began = time.perf_counter()
    if (options.reference == "region") != (options.region is not None):
        raise ConfigError("--reference region and --region FILE: found one, needed both or none")
    if options.local is not None:
        return _run_local(options, began)
    first = first_of_pair(options)
    refuse_to_replace(writable(options.output), plain(name_of(first)), options.overwrite)
    with Watch(options.output.name) as watch:
        files = joined(read_given(options), dicom=options.dicom)
        refuse_to_replace(options.output, plain(files.name), options.overwrite)
        beside = (options.mag or options.real)[0]
        given = read_regions(
            options.mask,
            options.region,
            files.geometry,
            beside=beside,
            magnitude=files.magnitude,
        )
        _say(watch, Level.INFO, *files.messages, *given.messages)
        _say(watch, Level.WARNING, *files.doubts, *given.doubts)
        field = _signed_field(files, options.sign, given.regions, watch)
        volumes = _volumes(field, given.regions, options, watch)
        _say(watch, Level.INFO, f"done in {time.perf_counter() - began:.1f} s")
    write(_harvest(volumes), options.output, formats_of(options))
    return 0


def _run_local(options: argparse.Namespace, began: float) -> int:
    """The map of a local field that is given."""
    if options.dicom:
        raise ConfigError("--dicom: found --local, needed images that are DICOM")
    refuse_to_replace(
        writable(options.output), plain(name_of_field(options.local)), options.overwrite
    )
    with Watch(options.output.name) as watch:
        volume, messages, doubts = map_local_field(options)
        _say(watch, Level.WARNING, *doubts)
        _say(watch, Level.INFO, *messages, f"done in {time.perf_counter() - began:.1f} s")
    write(_harvest([volume]), options.output, ["nifti", "png"])
    return 0


def refuse_to_replace(folder: Path, prefix: str, overwrite: bool) -> None:
    """Another subject's map of the same name, or another quality's, is not written over.

    Raises
    ------
    ConfigError
        If there are images whose file names begin with that prefix.
    """
    there = sorted(path.name for path in folder.glob(f"{escape(prefix)}_*Chimap.nii.gz"))
    if there and not overwrite:
        raise ConfigError(
            f"--output {folder}: found {there[0]} there already; needed another folder, "
            "or --overwrite"
        )


def _signed_field(files: EchoFiles, wanted: str, regions: Regions, watch: Watch) -> FieldMap:
    """The total field with the sign that is given, or that is found; doubted by the object."""
    sign = sign_of_files(files) if wanted == "auto" else PhaseSign(int(wanted), SignOrigin.GIVEN)
    data = complex_echoes(files.magnitude, files.phase, files.scale, sign=sign.value)
    echoes = Echoes(data, files.scan(sign, ()), noise=files.noise)
    made = _run([MapField()], [regions, echoes], watch)
    field = next(item for item in made if isinstance(item, FieldMap))
    decision = _sign_by_object(_coarse(field, regions), echoes)
    if decision.turns(sign):
        field = replace(field, total=_turned(field.total))
    message = f"phase sign {decision.reason}"
    _say(watch, decision.level, message)
    comments = (*files.messages[-1:], *files.doubts, message)
    return replace(field, scan=files.scan(decision.sign, comments))


def _coarse(field: FieldMap, regions: Regions) -> ChiMap:
    """A quick map that the sign is asked of; what it says would be taken for the map's own."""
    gadgets: list[AnyGadget] = [RemoveBackground(quality=Quality.FAST), InvertField()]
    made = _run(gadgets, [regions, field], None)
    return next(item for item in made if isinstance(item, ChiMap))


def _turned(total: TotalField) -> TotalField:
    """The field of the phase with the other sign."""
    fit = total.fit
    return replace(total, fit=replace(fit, field_ppm=-fit.field_ppm, offset_rad=-fit.offset_rad))


def sign_of_files(files: EchoFiles) -> PhaseSign:
    """Sign of the phase as the sidecars say it, else as the vendor has it."""
    if files.grows_with_field:
        return PhaseSign(1, SignOrigin.HEADER)
    if (stated := files.sidecar.get("PhaseSign")) in (1, -1):
        return PhaseSign(1 if stated == 1 else -1, SignOrigin.HEADER)
    return image_sign(chain=None, vendor=files.vendor)


def _sign_by_object(chi: ChiMap, echoes: Echoes) -> SignDecision:
    """What the object says of the sign with which the map was made."""
    scan = echoes.scan
    found = check_object(
        echoes.data,
        scan.echoes.times_s(),
        scan.b0_t,
        scan.geometry,
        chi.found,
        readout_polarity=scan.echoes.readout_polarity,
    )
    decision = found.decide(scan.phase_sign)
    return replace(decision, reason=f"{decision.reason} ({found})")


def _volumes(
    field: FieldMap, regions: Regions, options: argparse.Namespace, watch: Watch
) -> list[Volume]:
    all_of_them = options.fields
    gadgets: list[AnyGadget] = [
        RemoveBackground(
            quality=Quality(options.quality),
            background=Background(options.background),
            preview=False,
        ),
        InvertField(
            reference=options.reference,
            uncertainty=options.uncertainty,
            inversion=Inversion(options.inversion),
            two_pass=options.two_pass,
        ),
        FieldImages(
            b0_hz=all_of_them,
            b0_sd=all_of_them,
            mask=all_of_them,
            phase_quality=all_of_them,
            local_field=all_of_them,
        ),
    ]
    made = _run(gadgets, [regions, field], watch)
    return [item for item in made if isinstance(item, Volume)]


def _run(
    gadgets: Iterable[AnyGadget], items: Iterable[object], watch: Watch | None
) -> list[object]:
    """All that the gadgets make; notices are shown at once where somebody watches."""
    made: list[object] = []

    def emit(item: object) -> None:
        if not isinstance(item, Notice):
            made.append(item)
        elif watch is not None:
            watch.say(item)

    steps = tuple(Step(type(gadget).__name__, gadget) for gadget in gadgets)
    Chain(Serial(steps)).run(items, emit)
    return made


def _harvest(volumes: list[Volume]) -> ScanResults:
    series = ImageSeries()
    images: list[Image] = [image for volume in volumes for image in series.images(volume)]
    return ScanResults(b"", images, known=volumes[0].scan.protocol)


def _say(watch: Watch, level: Level, *texts: str) -> None:
    for text in texts:
        watch.say(Notice(level, text))
