"""Both dialects, through a socket."""

import struct
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from narrowing import as_a
from toy_client import HEADER, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.layout import WAVEFORM
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Dependency,
    Image,
    Query,
    Response,
    Text,
    Waveform,
)
from streamrecon.storage.noise_store import NoiseRecord, NoiseStore

SUM = gadget("SumLines")
NOISE_QUERY = ConfigText(
    """<?xml version="1.0"?>
    <gadgetronStreamConfiguration>
      <reader><slot>1008</slot><dll>d</dll><classname>AcquisitionReader</classname></reader>
      <writer><slot>1019</slot><dll>d</dll><classname>DependencyQueryWriter</classname></writer>
      <gadget><name>NoiseSummary</name><dll>d</dll><classname>NoiseSummaryGadget</classname>
        <property><name>noise_file</name><value>GadgetronNoiseCovarianceMatrix_7_3</value></property>
      </gadget>
    </gadgetronStreamConfiguration>"""
)


def values(messages: Sequence[object]) -> list[float]:
    """Numbers of the only image."""
    (image,) = [m for m in messages if isinstance(m, Image)]
    return [float(value) for value in image.data.ravel()]


def test_a_scan_gives_its_images_then_close_and_nothing_else(toys: Service) -> None:
    heard = toys.talk(chain(SUM), HEADER, lines(1000), lines(3, samples=5), Close())

    assert [type(m) for m in heard] == [Image, Close]
    assert values(heard) == [1003, 1000 * 34 + 3 * 10, 1]


@pytest.mark.parametrize("name", ["toy_sum", "toy_sum.xml"])
def test_a_chain_file_is_found_by_name_with_and_without_ending(toys: Service, name: str) -> None:
    heard = toys.talk(ConfigFile(name), HEADER, lines(5), Close())

    assert values(heard)[0] == 5
    assert heard[-1] == Close()


@pytest.mark.parametrize("name", ["../toy_sum", "/etc/passwd", "a/b", ".hidden", "", "antigravity"])
def test_a_name_that_is_no_known_file_is_refused(toys: Service, name: str) -> None:
    heard = toys.talk(ConfigFile(name))

    assert as_a(Text, heard[0]).text.startswith("ERR [config] config ")
    assert heard[1:] == [Close()]


def test_an_unknown_name_is_refused_with_the_nearest_known_one(toys: Service) -> None:
    heard = toys.talk(ConfigFile("toy_sun"), HEADER, lines(1), Close())

    assert heard == [Text("ERR [config] config 'toy_sun': unknown; did you mean toy_sum?"), Close()]


def fire_text(number: int, text: bytes) -> bytes:
    return struct.pack("<HI", number, len(text) + 1) + text + b"\0"


def test_fire_sets_parameters_by_json_and_hears_texts_that_end_with_nul(toys: Service) -> None:
    json = b'{"version": "1.1.0", "parameters": {"config": "toy_double", "scale": 3}}'
    with toys.connect() as client:
        client.socket.sendall(b"\1\0" + b"toy_sum".ljust(1024, b"\0"))
        client.socket.sendall(fire_text(3, HEADER.xml) + fire_text(5, json))
        client.send(lines(2))
        client.socket.sendall(b"\4\0")
        heard = client.hear_all()

    assert values(heard) == [2, 3 * 2 * 34, 3]


def test_fire_may_name_the_configuration_in_its_json(toys: Service) -> None:
    json = Text('{"parameters": {"config": "toy_double"}}')

    heard = toys.talk(ConfigFile("toy_sum"), HEADER, json, lines(2), Close())

    assert values(heard)[2] == 2


@pytest.mark.parametrize(
    ("json", "word"),
    [
        ('{"parameters": ', "no JSON"),
        ('{"parameters": {"scale": "wide"}}', "scale"),
        ('{"parameters": {"config": "toy_dubble"}}', "toy_double"),
        ('{"parameters": {"scale": [1]}}', "scale"),
    ],
)
def test_json_that_cannot_be_used_is_refused(toys: Service, json: str, word: str) -> None:
    with toys.connect() as client:
        client.send(ConfigFile("toy_sum"), HEADER, Text(json), lines(2), Close())
        heard = client.hear_all()

    assert as_a(Text, heard[0]).text.startswith("ERR [config]")
    assert word in as_a(Text, heard[0]).text
    assert heard[1:] == [Close()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wide", "found 'wide', needed a number"),
        ("[1]", "found '[1]', needed a number"),
        ("nan", "found 'nan', needed a finite number"),
    ],
)
def test_a_parameter_that_does_not_fit_is_told_with_its_chain(
    toys: Service, text: str, said: str
) -> None:
    json = Text('{"parameters": {"scale": "%s"}}' % text)  # noqa: UP031  (braces)

    heard = toys.talk(ConfigFile("toy_sum"), HEADER, json)

    place = "chain toy_sum: parameter 'scale': SumLines.scale"
    assert as_a(Text, heard[0]).text.rstrip("\0") == f"ERR [config] {place}: {said}"
    assert heard[1:] == [Close()]


def test_an_error_after_fires_json_ends_with_a_counted_nul(toys: Service) -> None:
    bad = struct.pack("<H", 999)
    with toys.connect() as client:
        client.send(ConfigFile("toy_sum"), HEADER, Text('{"parameters": {}}'), lines(2))
        client.socket.sendall(bad)
        heard = client.hear_bytes()

    number, length = struct.unpack_from("<HI", heard)
    assert number == 5
    assert heard[6 : 6 + length].startswith(b"ERR [protocol]")
    assert heard[6 + length - 1 :] == b"\0" + b"\4\0"


def test_a_log_line_of_the_client_changes_nothing(toys: Service) -> None:
    note = Text("table moved")

    heard = toys.talk(chain(SUM), note, HEADER, note, lines(2), note, lines(1), Close())

    assert values(heard)[0] == 3
    assert len(heard) == 2


def test_a_session_without_header_runs_the_chain_on_nothing(toys: Service) -> None:
    heard = toys.talk(chain(SUM), Close())

    assert values(heard) == [0, 0, 1]
    assert heard[-1] == Close()


def test_close_alone_is_answered_by_close(toys: Service) -> None:
    assert toys.talk(Close()) == [Close()]


def test_the_info_has_the_lines_that_gadgetrons_test_runner_reads(toys: Service) -> None:
    heard = toys.talk(Query("gadgetron::info", correlation_id=2**40 + 1), Close())

    answer = heard[0]
    assert isinstance(answer, Response)
    assert answer.correlation_id == 2**40 + 1
    found = [line.split(":")[0].strip() for line in answer.text.splitlines() if "--" in line]
    assert found[:4] == [
        "-- Version",
        "-- Git SHA1",
        "-- System Memory size",
        "-- Python Support",
    ]
    assert heard[1:] == [Close()]


def test_a_query_within_a_scan_is_answered_within_it(toys: Service) -> None:
    heard = toys.talk(chain(SUM), HEADER, lines(1), Query("horoscope", 5), lines(1), Close())

    assert Response("Unknown query", 5) in heard
    assert values(heard)[0] == 2


def test_lines_and_waveforms_at_the_end_of_a_chain_need_a_writer(toys: Service) -> None:
    head = np.zeros(1, WAVEFORM)[0]
    wave = Waveform(head, np.zeros((1, 4), np.uint32))
    pid = gadget("TellPid")
    writer = "<writer><classname>AcquisitionWriter</classname></writer>"

    without = toys.talk(chain(pid), HEADER, wave, lines(3), Close())
    with_one = toys.talk(chain(pid, writers=writer), HEADER, wave, lines(3), Close())

    assert [type(m) for m in without] == [Text, Close]
    assert {type(m) for m in with_one} == {Text, Acquisitions, Close}
    assert sum(len(m) for m in with_one if isinstance(m, Acquisitions)) == 3


def test_the_noise_query_is_answered_without_text(toys: Service) -> None:
    heard = toys.talk(NOISE_QUERY, Close())

    assert heard == [Dependency({"status": ("failed",)}), Close()]


def test_the_noise_query_is_answered_from_the_store(tmp_path: Path) -> None:
    covariance = np.diag([4.0, 9.0])
    NoiseStore(tmp_path).save("7_3", NoiseRecord(covariance, dwell_s=5e-6, when_s=time.time()))

    with service(storage=str(tmp_path)) as running:
        heard = running.talk(NOISE_QUERY, Close())

    meta = as_a(Dependency, heard[0]).meta
    assert meta["status"] == ("success",)
    assert meta["channels"] == ("2",)
    assert [float(meta[k][0]) for k in ("min_sigma", "max_sigma")] == [2, 3]
    assert float(meta["noise_dwell_time_us"][0]) == 5
    assert heard[1:] == [Close()]


@pytest.mark.parametrize("rest", [b"\x55\x55", b"\2\0\1\0", b"\1\0" + bytes(1024)])
def test_a_noise_query_that_goes_wrong_hears_no_text_either(toys: Service, rest: bytes) -> None:
    with toys.connect() as client:
        client.send(NOISE_QUERY)
        client.socket.sendall(rest)
        client.socket.shutdown(1)
        heard = client.hear_all()

    assert heard == [Dependency({"status": ("failed",)}), Close()]


def test_three_scans_at_once_are_all_right(toys: Service) -> None:
    slow = chain(gadget("Slow", pause_s=0.02), SUM)
    clients = [toys.connect() for _ in range(3)]
    for client in clients:
        client.send(slow, HEADER)
    for count in range(20):
        for number, client in enumerate(clients):
            client.send(lines(1 + number + count % 2))
    for client in clients:
        client.send(Close())

    heard = [client.hear_all() for client in clients]

    assert [values(one)[0] for one in heard] == [30, 50, 70]
    for client in clients:
        client.socket.close()


def test_a_name_that_the_service_does_not_know_gets_its_default_and_is_told(
    toy_chains: list[str],
) -> None:
    json = Text('{"parameters": {"config": "toy_double"}}')
    with service(config_folders=toy_chains, default_chain="toy_sum") as running:
        one = running.talk(ConfigFile("openrecon"), HEADER, lines(2), Close())
        other = running.talk(ConfigFile("openrecon"), HEADER, json, lines(2), Close())

    told = [[m.text for m in heard if isinstance(m, Text)] for heard in (one, other)]
    assert [values(one)[2], values(other)[2]] == [1, 2]
    assert told == [["WRN config 'openrecon': unknown; toy_sum is used"], []]


def test_parameters_of_the_service_are_every_clients_unless_it_says_otherwise(
    toy_chains: list[str],
) -> None:
    json = Text('{"parameters": {"scale": 5}}')
    parameters = ["scale=3", "console=fire"]
    with service(config_folders=toy_chains, parameters=parameters) as running:
        one = running.talk(ConfigFile("toy_sum"), HEADER, lines(2), Close())
        other = running.talk(ConfigFile("toy_sum"), HEADER, json, lines(2), Close())

    assert [values(one)[2], values(other)[2]] == [3, 5]
    assert [m for m in (*one, *other) if isinstance(m, Text)] == []
