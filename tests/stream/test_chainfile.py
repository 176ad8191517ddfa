"""Both dialects of Gadgetron's chain files, and what is refused of them."""

from __future__ import annotations

import hashlib

import pytest

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.chainfile.spec import ChainSpec, GadgetSpec, ParallelSpec
from streamrecon.stream.run.parallel import OnError

LEGACY = """<?xml version="1.0" encoding="utf-8"?>
<gadgetronStreamConfiguration xmlns="http://gadgetron.sf.net/gadgetron">
  <reader><slot>1008</slot><dll>gadgetron_mricore</dll>
    <classname>GadgetIsmrmrdAcquisitionMessageReader</classname></reader>
  <writer><slot>1022</slot><dll>gadgetron_mricore</dll><classname>MRIImageWriter</classname></writer>
  <gadget><name>AccTrig</name><dll>gadgetron_mricore</dll>
    <classname>AcquisitionAccumulateTriggerGadget</classname>
    <property><name>trigger_dimension</name><value>repetition</value></property>
    <property><name>sorting_dimension</name><value></value></property>
  </gadget>
  <gadget><name>Finish</name><dll>gadgetron_mricore</dll><classname>ImageFinishGadget</classname></gadget>
</gadgetronStreamConfiguration>
"""
QUERY = """<gadgetronStreamConfiguration>
  <writer><slot>1019</slot><classname>DependencyQueryWriter</classname></writer>
  <gadget><name>NoiseSummary</name><classname>NoiseSummaryGadget</classname>
    <property><name>noise_file</name><value>GadgetronNoiseCovarianceMatrix_42</value></property>
  </gadget>
</gadgetronStreamConfiguration>
"""


def v2(stream: str) -> str:
    """A chain file of version 2; the stream's first line is line 2."""
    return f"<configuration><version>2</version><stream>\n{stream}\n</stream></configuration>"


def gadgets(document: str) -> list[tuple[str, str, int]]:
    """Name, class and line of every gadget."""
    return [(g.name, g.class_name, g.line) for g in read_chain(document).gadgets()]


def properties(document: str) -> list[tuple[str, str]]:
    """Properties of the first gadget."""
    first = next(read_chain(document).gadgets())
    return [(p.name, p.text) for p in first.properties]


def test_a_legacy_file_is_a_line_of_gadgets_with_readers_and_writers() -> None:
    spec = read_chain(LEGACY)

    assert [(g.name, g.class_name, g.line) for g in spec.gadgets()] == [
        ("AccTrig", "AcquisitionAccumulateTriggerGadget", 6),
        ("Finish", "ImageFinishGadget", 11),
    ]
    assert [(r.class_name, r.slot) for r in spec.readers] == [
        ("GadgetIsmrmrdAcquisitionMessageReader", 1008)
    ]
    assert [(w.class_name, w.slot) for w in spec.writers] == [("MRIImageWriter", 1022)]
    assert properties(LEGACY) == [("trigger_dimension", "repetition"), ("sorting_dimension", "")]


def test_a_file_of_version_2_gives_the_same() -> None:
    document = """<configuration><version>2</version>
      <readers><reader><classname>AcquisitionReader</classname></reader></readers>
      <writers><writer><classname>ImageWriter</classname><slot>1022</slot></writer></writers>
      <stream><gadget><dll>x</dll><classname>A</classname><property name="p" value=" 1 "/></gadget>
      </stream></configuration>"""

    spec = read_chain(document)

    assert gadgets(document) == [("A", "A", 4)]
    assert properties(document) == [("p", "1")]
    assert [(r.class_name, r.slot) for r in spec.readers] == [("AcquisitionReader", None)]
    assert [(w.class_name, w.slot) for w in spec.writers] == [("ImageWriter", 1022)]


def test_a_gadget_may_have_only_a_name() -> None:
    assert gadgets(v2("<gadget><name>InvertTkd</name></gadget>")) == [("InvertTkd", "InvertTkd", 2)]


def test_both_property_styles_may_stand_side_by_side() -> None:
    document = v2(
        '<gadget><name>A</name><property name="p" value="1"/>'
        "<property><name>q</name><value>2</value></property></gadget>"
    )

    assert properties(document) == [("p", "1"), ("q", "2")]


def test_branches_keep_their_keys_and_what_their_errors_mean() -> None:
    spec = read_chain(
        v2(
            """<parallel>
            <branch><dll>d</dll><classname>ImageFanout</classname></branch>
            <stream key="raw"/>
            <stream key="qsm" on_error="report"><gadget><name>A</name></gadget></stream>
            <stream><gadget><name>B</name></gadget></stream>
            <merge><dll>d</dll><classname>UnorderedMerge</classname></merge>
            </parallel>"""
        )
    )

    (node,) = spec.nodes
    assert isinstance(node, ParallelSpec)
    assert [(b.key, b.on_error, len(b.nodes)) for b in node.branches] == [
        ("raw", OnError.FAIL, 0),
        ("qsm", OnError.REPORT, 1),
        ("3", OnError.FAIL, 1),
    ]


def test_an_external_with_our_chain_stands_opened_up() -> None:
    document = v2(
        """<gadget><name>Before</name></gadget>
        <external><execute name="streamrecon_gadgets.external" target="run" type="Python"/>
          <configuration><stream><gadget><name>Inside</name></gadget></stream></configuration>
        </external>
        <gadget><name>After</name></gadget>"""
    )

    assert [name for name, *_ in gadgets(document)] == ["Before", "Inside", "After"]


def test_the_configuration_that_gadgetron_hands_to_an_external_reads_without_a_version() -> None:
    inside = "<configuration><stream><gadget><name>Inside</name></gadget></stream></configuration>"

    assert gadgets(inside) == [("Inside", "Inside", 1)]


def test_a_parallelprocess_is_a_sequence() -> None:
    document = v2(
        '<parallelprocess workers="6"><purestream><gadget><name>A</name></gadget>'
        "<gadget><name>B</name></gadget></purestream></parallelprocess>"
    )

    assert [name for name, *_ in gadgets(document)] == ["A", "B"]


def test_the_clients_question_for_a_noise_scan_is_recognised() -> None:
    spec = read_chain(QUERY)

    assert spec.is_dependency_query
    assert spec.dependency_name == "GadgetronNoiseCovarianceMatrix_42"


@pytest.mark.parametrize("part", ["1019", "DependencyQueryWriter", "NoiseSummaryGadget"])
def test_each_of_its_three_marks_is_enough(part: str) -> None:
    others = {"1019", "DependencyQueryWriter", "NoiseSummaryGadget"} - {part}
    document = QUERY
    for other in others:
        document = document.replace(other, "1" if other == "1019" else "Other")

    assert read_chain(document).is_dependency_query


def test_a_chain_for_images_is_no_such_question() -> None:
    spec = read_chain(LEGACY)

    assert not spec.is_dependency_query
    assert spec.dependency_name is None


def test_the_hash_is_that_of_the_bytes() -> None:
    spec = read_chain(LEGACY)

    assert spec.text_hash == hashlib.sha256(LEGACY.encode()).hexdigest()[:12]
    assert read_chain(LEGACY.encode()).text_hash == spec.text_hash


def test_a_gadget_without_a_property_has_no_text_for_it() -> None:
    spec = read_chain(LEGACY)
    first = next(spec.gadgets())

    assert isinstance(spec, ChainSpec)
    assert isinstance(first, GadgetSpec)
    assert first.text_of("trigger_dimension") == "repetition"
    assert first.text_of("trigger") is None


EXTERNAL = "<external>{}<configuration><stream/></configuration></external>"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<config/>", "line 1: root <config>: unknown; did you mean configuration?"),
        (
            "<html/>",
            "line 1: root <html>: unknown; known: configuration, gadgetronStreamConfiguration",
        ),
        (
            "<configuration><version>3</version><stream/></configuration>",
            "line 1: version '3', needed 2",
        ),
        ("<configuration/>", "line 1: found 0 <stream>, needed one"),
        ("<configuration><stream/><stream/></configuration>", "line 1: found 2 <stream>"),
        (v2("<gadgets/>"), "line 2: <gadgets>: unknown; did you mean gadget?"),
        (v2("<process/>"), "line 2: <process>: unknown"),
        (v2("<distributed/>"), "line 2: <distributed> is refused: no work leaves this host"),
        (v2("<puredistributed/>"), "line 2: <puredistributed> is refused"),
        (v2("<gadget/>"), "line 2: a <gadget> without <classname> or <name>"),
        (
            v2("<gadget><nam>A</nam></gadget>"),
            "line 2: <nam>: unknown in a gadget; did you mean name?",
        ),
        (
            v2(
                '<gadget><name>A</name>\n<property name="p" value="1"><value>2</value>'
                "</property></gadget>"
            ),
            "line 3: property by attributes and by elements at once",
        ),
        (v2('<gadget><name>A</name><property name="p"/></gadget>'), "line 2: property without"),
        (v2("<gadget><name>A</name><property/></gadget>"), "line 2: property without"),
        (
            v2(
                '<gadget><name>A</name><property name="p" value="1"/>\n'
                '<property name="p" value="2"/></gadget>'
            ),
            "line 3: A.p is given twice",
        ),
        (
            v2("<gadget><name>P</name><classname>PythonGadget</classname></gadget>"),
            "line 2: gadget 'PythonGadget' is refused: no code is loaded by a name",
        ),
        (
            LEGACY.replace("ImageFinishGadget", "PythonGadget"),
            "line 11: gadget 'PythonGadget' is refused",
        ),
        (
            LEGACY.replace("<gadget>", "<stream>").replace("</gadget>", "</stream>"),
            "line 6: <stream>: unknown; known: reader, writer, gadget",
        ),
        (
            v2(EXTERNAL.format('<execute name="os" target="system" type="python"/>')),
            "line 2: <execute> 'os' (python, target 'system') is refused: no code is loaded",
        ),
        (
            v2(
                EXTERNAL.format(
                    '<execute name="streamrecon_gadgets.external" target="other" type="python"/>'
                )
            ),
            "line 2: <execute> 'streamrecon_gadgets.external' (python, target 'other') is refused",
        ),
        (
            v2(
                EXTERNAL.format(
                    '<execute name="streamrecon_gadgets.external" target="run" type="matlab"/>'
                )
            ),
            "line 2: <execute> 'streamrecon_gadgets.external' (matlab, target 'run') is refused",
        ),
        (
            v2(EXTERNAL.format('<connect port="9"/>')),
            "line 2: <external> without <execute> is refused",
        ),
        (
            v2('<external><execute name="streamrecon_gadgets.external" type="python"/></external>'),
            "line 2: <external> without <configuration>",
        ),
        (v2("<parallel/>"), "line 2: <parallel> without a <stream>"),
        (
            v2('<parallel><stream on_error="ignore"/></parallel>'),
            "line 2: on_error='ignore', needed fail or report",
        ),
        (
            v2("<parallel><merge><classname>Unmixing</classname></merge><stream/></parallel>"),
            "line 2: <merge> 'Unmixing' is refused",
        ),
        (
            v2("<parallel><strem/></parallel>"),
            "line 2: <strem>: unknown in <parallel>; did you mean stream?",
        ),
        (v2("<parallelprocess/>"), "line 2: <parallelprocess> without <purestream>"),
        (QUERY.replace("1019", "x"), "line 2: slot 'x', needed a number"),
    ],
)
def test_a_refused_file_says_line_name_and_reason(document: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_chain(document)

    assert str(caught.value).startswith(reason)
