"""One service for all tests that do not hurt it."""

from collections.abc import Iterator

import pytest
from toy_client import Service, chain_xml, gadget, service


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose chain files are toy_sum and toy_pid, and which waits for nobody long."""
    folder = tmp_path_factory.mktemp("chains")
    (folder / "toy_sum.xml").write_text(chain_xml(gadget("SumLines")))
    (folder / "toy_double.xml").write_text(chain_xml(gadget("SumLines", scale=2)))
    with service(config_folders=[str(folder)], sessions=3, drain_idle_s=2.0) as running:
        yield running
