"""The question whether a server has the noise scan that a scan needs.

It takes a connection of its own: a chain file that stands for the question, CLOSE; the answer is
one dependency message. Gadgetron's clients ask it by themselves before such a scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from xml.sax.saxutils import escape

from streamrecon.client import Server, connected
from streamrecon.errors import DeliveryError, TruncatedStream
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire.messages import Close, ConfigText, Dependency, Message, Meta
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

ANSWER_S = 30.0  # nothing is computed for the answer
_QUESTION = """<?xml version="1.0"?>
<gadgetronStreamConfiguration xmlns="http://gadgetron.org/gadgetron">
  <writer>
    <slot>1019</slot><dll>gadgetron_mricore</dll><classname>DependencyQueryWriter</classname>
  </writer>
  <gadget>
    <name>NoiseSummary</name>
    <dll>gadgetron_mricore</dll>
    <classname>NoiseSummaryGadget</classname>
    <property>
      <name>noise_file</name><value>GadgetronNoiseCovarianceMatrix_{measurement}</value>
    </property>
  </gadget>
</gadgetronStreamConfiguration>
"""


def ask_noise(server: Server, measurement: str) -> Notice:
    """What the server knows of the noise scan with the id ``measurement``, in a sentence.

    Raises
    ------
    DeliveryError
        If nobody listens there, or nobody answers.
    TruncatedStream
        If the server goes without CLOSE.
    """
    question = ConfigText(_QUESTION.format(measurement=escape(measurement)))
    for message in _answers(replace(server, idle_s=ANSWER_S), question):
        if isinstance(message, Dependency):
            return _sentence(message.meta)
    return Notice(Level.WARNING, "the server does not say whether it has the noise scan")


def _answers(server: Server, question: ConfigText) -> Iterator[Message]:
    parser = MrdParser()
    with connected(server) as peer:
        try:
            for message in (question, Close()):
                peer.sendall(b"".join(encode(message)))
            while n := peer.recv_into(parser.space()):
                for answer in parser.commit(n):
                    if isinstance(answer, Close):
                        return
                    yield answer
        except OSError as e:
            raise DeliveryError(f"{server}: no answer about noise: {e}") from e
    parser.end()
    raise TruncatedStream(f"{server}: the server went away without CLOSE, asked for noise")


def _sentence(meta: Meta) -> Notice:
    if meta.get("status") != ("success",):
        return Notice(Level.WARNING, "the server has no noise of the scan that this one names")
    facts = {name: values[0] for name, values in meta.items() if values}
    return Notice(
        Level.INFO,
        f"the server has the noise scan: {facts.get('channels', '?')} channels, mean sigma"
        f" {facts.get('mean_sigma', '?')}, dwell time {facts.get('noise_dwell_time_us', '?')} µs",
    )
