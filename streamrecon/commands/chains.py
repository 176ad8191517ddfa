"""Builds the chain that the options name, as a session of the service does."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from streamrecon_gadgets import REGISTRY

from streamrecon.server.delivery_settings import delivery_of
from streamrecon.server.settings import Settings, load_settings
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file
from streamrecon.stream.gadget import Context
from streamrecon.stream.run.chain import Chain


def chosen_chain(options: argparse.Namespace, *, session: str, tables: Path | None = None) -> Chain:
    """A new chain, as a session of the service would make it, but for the folder of its tables."""
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
    return build_chain(chain_file(options.config), REGISTRY, context, overrides=overrides)


def chain_file(text: str) -> bytes:
    """Text of a chain file, by path or by its name in the library."""
    path = Path(text)
    return (
        path.read_bytes() if path.is_file() else find_chain_file(text, _settings().config_folders)
    )


def _settings() -> Settings:
    return load_settings({}, os.environ).settings
