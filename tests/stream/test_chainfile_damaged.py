"""Damaged chain files: read or refused, never anything else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from stream_gadgets import REGISTRY

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.run.chain import Chain

WHOLE = b"""<?xml version="1.0" encoding="utf-8"?>
<configuration><version>2</version>
<readers><reader><slot>1008</slot><classname>AcquisitionReader</classname></reader></readers>
<stream key="main">
<gadget><name>Scale</name><property name="factor" value="factor@S"/></gadget>
<external><execute name="streamrecon_gadgets.external" target="run" type="python"/>
<configuration><stream><gadget><name>S</name><classname>Scale</classname></gadget></stream>
</configuration></external>
<parallel><branch><classname>AnyFanout</classname></branch>
<stream key="a" on_error="report"><gadget><name>Sort</name><classname>SortGadget</classname>
<property><name>te_s</name><value>0.005 0.01</value></property></gadget></stream><stream/>
<merge><classname>UnorderedMerge</classname></merge></parallel>
</stream></configuration>
"""
places = st.integers(0, len(WHOLE))


@settings(max_examples=300)
@given(places, places, st.binary(max_size=6) | st.sampled_from([b"<", b"/>", b"@", b"</stream>"]))
def test_a_damaged_file_gives_a_chain_or_a_config_error(a: int, b: int, patch: bytes) -> None:
    damaged = WHOLE[: min(a, b)] + patch + WHOLE[max(a, b) :]

    try:
        chain = build_chain(damaged, REGISTRY)
    except ConfigError as e:
        assert str(e).startswith(("line ", "chain file: "))
    else:
        assert isinstance(chain, Chain)


FIELDS = ("factor", "keep", "te_s", "dimension", "limit_ppm", "sign")
foreign = st.text(max_size=60).filter(lambda key: key.rpartition(".")[2] not in FIELDS)


@given(st.dictionaries(foreign, st.text(max_size=6), max_size=3))
def test_parameters_that_nobody_has_stay_one_printable_line(values: dict[str, str]) -> None:
    chain = build_chain(WHOLE, REGISTRY, overrides=values)

    assert len(chain.notices) == bool(values)
    for notice in chain.notices:
        assert notice.text.isprintable()


def test_the_file_itself_is_sound() -> None:
    chain = build_chain(WHOLE, REGISTRY)

    assert [step.name for step in chain.steps] == ["Scale", "S", "Sort"]
    assert chain.notices == ()
