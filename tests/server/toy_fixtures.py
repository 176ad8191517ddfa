"""One service for all tests that do not hurt it."""

from collections.abc import Iterator

import pytest
from toy_client import Service, chain_xml, gadget, service


@pytest.fixture(scope="session")
def toy_chains(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Folders of chain files: toy_sum and toy_double."""
    folder = tmp_path_factory.mktemp("chains")
    (folder / "toy_sum.xml").write_text(chain_xml(gadget("SumLines")))
    (folder / "toy_double.xml").write_text(chain_xml(gadget("SumLines", scale=2)))
    return [str(folder)]


@pytest.fixture(scope="session")
def toys(toy_chains: list[str]) -> Iterator[Service]:
    """A service that waits for nobody long."""
    with service(config_folders=toy_chains, sessions=3, drain_idle_s=2.0) as running:
        yield running
