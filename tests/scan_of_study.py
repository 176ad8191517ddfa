"""Messages of a simulated scan whose header names a study, as a scanner's does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from streamrecon_simulator.scan import Simulation

from streamrecon.mrd.wire.messages import Header, Message

_BEHIND = b"<measurementInformation>"


def messages_of_study(simulation: Simulation, study_uid: str) -> Iterator[Message]:
    """All messages of the scan; the header is of that study."""
    study = f"<studyInformation><studyInstanceUID>{study_uid}</studyInstanceUID></studyInformation>"
    for message in simulation.messages():
        if isinstance(message, Header):
            assert message.xml.count(_BEHIND) == 1
            yield replace(message, xml=message.xml.replace(_BEHIND, study.encode() + _BEHIND))
        else:
            yield message
