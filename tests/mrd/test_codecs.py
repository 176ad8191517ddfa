"""Every kind of message is added whole: class, row, sample, and its lines in the documents."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
from wire_samples import EVERYTHING

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire import messages
from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.codecs.table import CODECS
from streamrecon.mrd.wire.grammar import SessionGrammar
from streamrecon.mrd.wire.writer import encode

WIRE_MD = (Path(__file__).parents[2] / "docs" / "reference" / "wire.md").read_text(encoding="utf-8")
KINDS = typing.get_args(messages.Message)
NUMBERED = {
    kind: int(found[1])
    for kind in vars(messages).values()
    if isinstance(kind, type) and (found := re.match(r"Id (\d+):", kind.__doc__ or ""))
}
"""Classes that call themselves messages, with the id they give."""

every_codec = pytest.mark.parametrize("codec", CODECS, ids=str)


def samples_of(codec: Codec) -> list[messages.Message]:
    return [message for message in EVERYTHING.values() if type(message) is codec.kind]


def test_every_message_has_one_row_and_every_row_a_message() -> None:
    assert set(NUMBERED) == set(KINDS)
    assert sorted(codec.kind.__name__ for codec in CODECS) == sorted(k.__name__ for k in KINDS)


def test_no_two_messages_share_an_id_or_a_name() -> None:
    numbers: list[object] = [codec.number for codec in CODECS]
    labels: list[object] = [codec.name for codec in CODECS]
    for names in (numbers, labels):
        assert [name for name in names if names.count(name) > 1] == []


@every_codec
def test_a_message_has_the_id_that_its_class_gives(codec: Codec) -> None:
    assert codec.number == NUMBERED[codec.kind]
    for message in samples_of(codec):
        assert b"".join(encode(message))[:2] == codec.number.to_bytes(2, "little")


@every_codec
def test_every_message_has_a_sample_that_the_round_trips_use(codec: Codec) -> None:
    assert samples_of(codec), f"tests/mrd/wire_samples.py: no sample of {codec}"


@every_codec
def test_the_grammar_knows_every_message(codec: Codec) -> None:
    grammar = SessionGrammar()
    grammar.check(EVERYTHING["config text"])
    grammar.check(EVERYTHING["header"])

    if codec.turn in {Turn.CONFIG, Turn.HEADER, Turn.NEVER}:
        with pytest.raises(ProtocolError, match="found"):
            grammar.check(samples_of(codec)[0])
    else:
        grammar.check(samples_of(codec)[0])


@every_codec
def test_the_documents_list_every_message_and_who_sends_it(codec: Codec) -> None:
    rows = [line.strip("| ").split(" | ") for line in WIRE_MD.splitlines() if "| `" in line]

    found = [cells for cells in rows if cells[1] == f"`{codec.kind.__name__}`"]

    assert len(found) == 1, f"wire.md: found {len(found)} lines for {codec}, needed one"
    (row,) = found
    assert row[0] == str(codec.number)
    from_client = re.search(r"client →|both ways|^data$|Gadgetron [→↔]", row[3])
    assert bool(from_client) == (codec.turn is not Turn.NEVER)
