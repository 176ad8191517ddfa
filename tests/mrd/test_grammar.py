"""Who may say what, when."""

from __future__ import annotations

import pytest
from wire_samples import EVERYTHING, lines

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.grammar import SessionGrammar, Stage
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Dependency,
    DicomFile,
    Header,
    Message,
    Query,
    RemoteFailure,
    Response,
    Text,
)

CONFIG, HEADER = ConfigFile("a.xml"), Header(b"<ismrmrdHeader/>")


def after(*messages: Message) -> SessionGrammar:
    grammar = SessionGrammar()
    for message in messages:
        grammar.check(message)
    return grammar


@pytest.mark.parametrize("config", [CONFIG, ConfigText("<configuration/>")])
def test_a_whole_session_is_accepted(config: ConfigFile | ConfigText) -> None:
    data = [EVERYTHING[name] for name in ("waveform", "image", "recon data", "bucket")]

    grammar = after(
        Query("gadgetron::info"), config, Text("log"), HEADER, Text("{}"), lines(1), *data,
        Query("gadgetron::info"), Text("log"), lines(1), Close(),
    )  # fmt: skip

    assert grammar.stage is Stage.CLOSED


@pytest.mark.parametrize(
    ("before", "message", "told"),
    [
        ((), HEADER, "found the MRD header before a config"),
        ((), Text("x"), "found a text before a config"),
        ((), lines(1), "found data before a config"),
        ((CONFIG,), CONFIG, "found a second config"),
        ((CONFIG,), lines(1), "found data before the MRD header"),
        ((CONFIG, HEADER), HEADER, "found a second MRD header"),
        ((CONFIG, HEADER), ConfigText("x"), "found a second config"),
        ((CONFIG, HEADER, Close()), lines(1), "found Acquisitions after CLOSE"),
        ((CONFIG, HEADER, Close()), Close(), "found Close after CLOSE"),
        ((CONFIG, HEADER), EVERYTHING["response"], "Response, which only a server may send"),
        ((CONFIG, HEADER), EVERYTHING["dependency"], "which only a server may send"),
        ((CONFIG, HEADER), EVERYTHING["DICOM"], "which only a server may send"),
        ((CONFIG, HEADER), EVERYTHING["error"], "which only a server may send"),
    ],
)
def test_what_comes_at_the_wrong_time_has_its_answer(
    before: tuple[ConfigFile | Header | Close, ...],
    message: Header
    | Text
    | Acquisitions
    | ConfigFile
    | ConfigText
    | Close
    | Response
    | Dependency
    | DicomFile
    | RemoteFailure,
    told: str,
) -> None:
    grammar = after(*before)

    with pytest.raises(ProtocolError, match=told):
        grammar.check(message)


@pytest.mark.parametrize("before", [(), (CONFIG,), (CONFIG, HEADER)])
def test_close_ends_a_session_at_any_time(before: tuple[ConfigFile | Header, ...]) -> None:
    assert after(*before, Close()).stage is Stage.CLOSED


def test_a_plain_stream_begins_with_the_header() -> None:
    grammar = SessionGrammar(Stage.HEADER)

    grammar.check(HEADER)

    assert grammar.stage is Stage.DATA
