"""Builds the chain that the options name, as a session of the service does."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from streamrecon_gadgets import REGISTRY

from streamrecon.errors import ConfigError
from streamrecon.server.settings import Settings, load_settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file
from streamrecon.stream.chainfile.lookup import plan_gadgets
from streamrecon.stream.chainfile.overrides import unknown_parameters
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.chainfile.spec import ChainSpec
from streamrecon.stream.gadget import Context
from streamrecon.stream.run.chain import Chain


def chosen_chain(
    options: argparse.Namespace,
    *,
    session: str,
    tables: Path | None = None,
    usual: Mapping[str, str] | None = None,
    spec: ChainSpec | None = None,
) -> Chain:
    """A new chain, as a session of the service would make it, but for the folder of its tables.

    ``usual`` are parameters that the options may change, for gadgets that have them; ``spec`` is
    a chain that came otherwise than by the options.
    """
    settings = _settings()
    if options.storage is not None:
        settings = settings.model_copy(update={"storage": options.storage})
    context = Context(
        storage=settings.storage,
        tables=tables,
        session=session,
        delivery=delivery_of(settings),
    )
    overrides = dict(options.values)
    spec = chain_called(options.config) if spec is None else spec
    refuse_unknown(overrides, spec)
    return build_chain(spec, REGISTRY, context, overrides={**(usual or {}), **overrides})


def refuse_unknown(overrides: Mapping[str, str], spec: ChainSpec) -> None:
    """A misspelt --set is an error here; of a client's parameters many are for nobody.

    Raises
    ------
    ConfigError
        With the nearest name that a gadget of the chain has.
    """
    if not overrides:
        return
    unknown = unknown_parameters(spec, REGISTRY, overrides)
    plans, _ = plan_gadgets(spec, REGISTRY)
    known = sorted({name for plan in plans for name in plan.gadget.model_fields})
    for key in unknown:
        near = get_close_matches(key.rpartition(".")[2], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"--set {key}: no gadget of this chain has it{hint}")


def chain_called(text: str) -> ChainSpec:
    """The chain of that path or name."""
    return read_chain(chain_file(text), text)


def chain_file(text: str) -> bytes:
    """Text of a chain file, by path or by its name in the library."""
    path = Path(text)
    return (
        path.read_bytes() if path.is_file() else find_chain_file(text, _settings().config_folders)
    )


def pseudonym_secret() -> bytes | None:
    """With what the settings take persons out of DICOM images; ``None`` where they do not."""
    return delivery_of(_settings()).secret


def chain_named_by_a_peer(name: str) -> ChainSpec:
    """A chain file of the library: a name from elsewhere is no path here."""
    return read_chain(find_chain_file(name, _settings().config_folders), name)


def _settings() -> Settings:
    return load_settings({}, os.environ).settings
