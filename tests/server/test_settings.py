"""Settings: which place wins, what is refused, what is shown."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

import streamrecon
from streamrecon.errors import ConfigError
from streamrecon.server.settings import Settings, load_settings


def test_flags_win_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text("[server]\nport = 1\nsessions = 2\nwait_s = 3.5\n")
    environment = {"STREAMRECON_PORT": "11", "STREAMRECON_SESSIONS": "12"}

    origin = load_settings({"port": "21", "wait_s": None}, environment, file)

    assert (origin.settings.port, origin.settings.sessions) == (21, 12)
    assert origin.settings.wait_s == 3.5
    assert origin.settings.idle_s == Settings().idle_s
    assert [origin.source[name] for name in ("port", "sessions", "wait_s", "idle_s")] == [
        "flag",
        "environment STREAMRECON_SESSIONS",
        f"file {file}",
        "default",
    ]


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('[server]\nhost = ["0.0.0.0"]\nallow = "10.0.0.0/8, fd00::/8"\n')

    settings = load_settings({}, {"STREAMRECON_SETTINGS": str(file)}).settings

    assert settings.host == ("0.0.0.0",)
    assert settings.allow == (IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8"))


def test_lists_are_written_with_commas_and_nothing_is_empty() -> None:
    environment = {
        "STREAMRECON_HOST": "127.0.0.1, ::1",
        "STREAMRECON_CONFIG_FOLDERS": "/a,/b",
        "STREAMRECON_STORAGE": "",
    }

    settings = load_settings({}, environment).settings

    assert settings.host == ("127.0.0.1", "::1")
    assert settings.config_folders == (Path("/a"), Path("/b"))
    assert settings.storage is None


def test_the_service_is_on_loopback_unless_told_otherwise() -> None:
    settings = Settings()

    assert set(settings.host) == {"127.0.0.1", "::1"}
    assert all(network.is_loopback for network in settings.allow)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"STREAMRECON_PORT": "70000"}, ["port", "STREAMRECON_PORT"]),
        ({"STREAMRECON_SESSIONS": "many"}, ["sessions", "STREAMRECON_SESSIONS"]),
        ({"STREAMRECON_ALLOW": "10.0.0.0/33"}, ["allow", "STREAMRECON_ALLOW"]),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_place(
    environment: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({}, environment)

    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("STREAMRECON_PROT", "; did you mean STREAMRECON_PORT?"),
        ("STREAMRECON_STORAGE_FOLDER", "; did you mean STREAMRECON_"),
        ("STREAMRECON_port", ""),
        ("STREAMRECON_", ""),
    ],
)
def test_an_unknown_variable_with_our_prefix_is_refused(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({}, {name: "1", "PATH": "/bin"})

    assert str(caught.value).startswith(f"environment {name}: no such setting{hint}")


POD = {
    "STREAMRECON_SERVICE_HOST": "10.3.0.7",
    "STREAMRECON_SERVICE_PORT": "9002",
    "STREAMRECON_SERVICE_PORT_MRD": "9002",
    "STREAMRECON_PORT": "tcp://10.3.0.7:9002",
    "STREAMRECON_PORT_9002_TCP": "tcp://10.3.0.7:9002",
    "STREAMRECON_PORT_9002_TCP_PROTO": "tcp",
    "STREAMRECON_PORT_9002_TCP_PORT": "9002",
    "STREAMRECON_PORT_9002_TCP_ADDR": "10.3.0.7",
    "STREAMRECON_QA_SERVICE_HOST": "10.3.0.8",
    "STREAMRECON_QA_PORT": "udp://10.3.0.8:9002",
    "STREAMRECON_QA_PORT_9002_UDP_ADDR": "10.3.0.8",
}
"""What Kubernetes gives a pod beside services named ``streamrecon`` and ``streamrecon-qa``."""


def test_variables_of_kubernetes_services_with_our_name_are_passed_over() -> None:
    origin = load_settings({}, {**POD, "STREAMRECON_SESSIONS": "3"})

    assert origin.settings == Settings(sessions=3)
    assert origin.passed_over == tuple(sorted(POD))


def test_a_port_that_is_a_number_counts_beside_a_service_of_our_name() -> None:
    assert load_settings({}, {**POD, "STREAMRECON_PORT": "9012"}).settings.port == 9012


@pytest.mark.parametrize(
    "environment",
    [
        {"STREAMRECON_SERVICE_PORT": "9002"},
        {"STREAMRECON_PORT": "tcp://10.3.0.7:9002"},
        {**POD, "STREAMRECON_SERVICE_PROT": "9002"},
        {**POD, "STREAMRECON_PROT": "9002"},
    ],
    ids=lambda environment: list(environment)[-1],
)
def test_a_variable_that_only_looks_like_a_services_is_refused(
    environment: dict[str, str],
) -> None:
    with pytest.raises(ConfigError):
        load_settings({}, environment)


def test_every_setting_and_its_file_may_stand_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("")
    shown = {name: getattr(Settings(), name) for name in Settings.model_fields}
    texts = {
        f"STREAMRECON_{name.upper()}": ",".join(map(str, value))
        if isinstance(value, tuple)
        else ""
        if value is None
        else str(value)
        for name, value in shown.items()
    }

    origin = load_settings({}, {**texts, "STREAMRECON_SETTINGS": str(tmp_path / "s.toml")})

    assert origin.settings == Settings()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[server]\nprot = 9002\n", "prot"),
        ("[server\n", "settings file"),
        ("server = 1\n", "no table"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "service.toml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=word):
        load_settings({}, {}, file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        load_settings({}, {}, tmp_path / "absent.toml")


def test_every_setting_is_shown_with_its_value_and_origin() -> None:
    lines = load_settings({"port": 1234}, {}).lines()

    assert len(lines) == len(Settings.model_fields)
    (port,) = [line for line in lines if line.startswith("port ")]
    assert port.split()[1:3] == ["1234", "[flag]"]
    assert all(field.description for field in Settings.model_fields.values())


def test_every_setting_is_obeyed_by_something() -> None:
    product = Path(streamrecon.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in product.rglob("*.py")]
    text = "".join(text for text in texts if "(SettingsGroup)" not in text)  # where they stand

    idle = [name for name in Settings.model_fields if not re.search(rf"\.{name}\b", text)]
    assert idle == []


def test_parameters_have_names_and_values() -> None:
    assert load_settings({"parameters": "console=fire, bits=16"}, {}).settings.parameters == (
        "console=fire",
        "bits=16",
    )
    with pytest.raises(ConfigError, match=r"'fire', needed name=value"):
        load_settings({"parameters": "fire"}, {})
