"""Rules of OpenRecon's public label schema, version 1.1.0, as far as they touch our labels.

Written from what the schema states; the schema itself is others' and not kept here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_ID = re.compile(r"^[A-Za-z0-9]+$")
_VERSION = re.compile(r"^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}([-+][0-9A-Za-z.+-]+)?$")
_GENERAL = {"name", "version", "vendor", "information", "id", "regulatory_information"}
_REGULATORY = {
    *("device_trade_name", "production_identifier", "manufacturer_address", "made_in"),
    *("manufacture_date", "material_number", "gtin", "udi", "safety_advices"),
    *("special_operating_instructions", "additional_relevant_information"),
}
_RECONSTRUCTION = {
    *("transfer_protocol", "port", "emitter", "injector", "can_use_gpu"),
    *("min_required_memory", "min_count_required_cpu_cores"),
}
_MAY_RECONSTRUCT = _RECONSTRUCTION | {
    *("can_process_adjustment_data", "min_count_required_gpus", "min_required_gpu_memory"),
    *("content_qualification_type", "require_readout_filter_off", "channel_compression"),
}
_BASE = {"id", "label", "type", "information", "default"}
_MORE = {
    "boolean": set(),
    "choice": {"values"},
    "string": {"isLargeText"},
    "int": {"minimum", "maximum", "unit"},
    "double": {"minimum", "maximum", "unit"},
}


def faults_of(label: dict[str, Any]) -> list[str]:
    """What the schema would refuse, in words."""
    return list(_faults(label))


def _faults(label: dict[str, Any]) -> Iterator[str]:
    if set(label) != {"general", "reconstruction", "parameters"}:
        yield f"sections {sorted(label)}"
        return
    general, reconstruction = label["general"], label["reconstruction"]
    if set(general) - {"license_string"} != _GENERAL:
        yield f"general: {sorted(set(general) ^ _GENERAL)}"
    if set(general["regulatory_information"]) != _REGULATORY:
        yield "regulatory_information"
    if not _VERSION.match(general["version"]):
        yield f"version {general['version']}"
    if not _RECONSTRUCTION <= set(reconstruction) <= _MAY_RECONSTRUCT:
        yield f"reconstruction: {sorted(reconstruction)}"
    if reconstruction["transfer_protocol"] != {"protocol": "ISMRMRD", "version": "1.4.1"}:
        yield "transfer_protocol"
    if reconstruction["emitter"] not in {"raw", "image"}:
        yield "emitter"
    if reconstruction["injector"] not in {"image", "compleximage"}:
        yield "injector"
    parameters = label["parameters"]
    if len(parameters) > 14:
        yield f"{len(parameters)} parameters"
    if len({each.get("id") for each in parameters}) < len(parameters):
        yield "two parameters of one id"
    for parameter in parameters:
        for fault in _faults_of_parameter(parameter):
            yield f"{parameter.get('id')}: {fault}"


def _faults_of_parameter(parameter: dict[str, Any]) -> Iterator[str]:
    kind = parameter.get("type")
    if kind not in _MORE:
        yield f"type {kind}"
        return
    if not _ID.match(parameter["id"]):
        yield "id"
    if not all(_is_text(parameter[name].get("en")) for name in ("label", "information")):
        yield "no English words"
    if not set(parameter) <= _BASE | _MORE[kind]:
        yield f"members {sorted(parameter)}"
    default = parameter.get("default")
    if kind == "boolean" and not isinstance(default, bool):
        yield "default"
    if kind == "choice":
        values = parameter["values"]
        if not all(set(value) == {"id", "name"} for value in values):
            yield "members of a value"
        elif not all(_is_text(v["id"]) and _is_text(v["name"].get("en")) for v in values):
            yield "no English words for a value"
        elif default not in [value["id"] for value in values]:
            yield "default"
    if kind in {"int", "double"}:
        numbers = [parameter[name] for name in ("minimum", "default", "maximum")]
        if sorted(numbers) != numbers or (kind == "int" and any(n % 1 for n in numbers)):
            yield f"range {numbers}"
        if any(abs(round(10 * n) - 10 * n) > 1e-9 for n in numbers):
            yield "no multiple of 0.1"
    if not 1 <= len(parameter.get("unit", {"en": "1"})["en"]) <= 3:
        yield "unit"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
