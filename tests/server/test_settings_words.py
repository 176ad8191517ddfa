"""What is wrong with a setting is told in our words: where, what was found, what was needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamrecon import cli
from streamrecon.errors import ConfigError
from streamrecon.server.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("port", "abc", "port: found 'abc', needed a whole number [flag]"),
        ("port", "70000", "port: found '70000', needed at most 65535 [flag]"),
        ("sessions", "0", "sessions: found '0', needed at least 1 [flag]"),
        ("wait_s", "-1", "wait_s: found '-1', needed more than 0 [flag]"),
        ("wait_s", "long", "wait_s: found 'long', needed a number [flag]"),
        ("when_full", "maybe", "when_full: found 'maybe', needed wait or refuse [flag]"),
        ("allow", "x.y", "allow: found 'x.y', needed a network like 10.0.0.0/8 [flag]"),
        ("web", "foo", "web: found 'foo', needed HOST:PORT [flag]"),
    ],
)
def test_a_value_that_does_not_fit_is_told(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({name: value}, {})

    assert str(caught.value) == said


def test_a_name_that_is_misspelt_in_a_file_is_told_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("[server]\nprot = 3\n")

    with pytest.raises(ConfigError) as caught:
        load_settings({}, {}, file)

    assert str(caught.value) == f"prot: no such setting; did you mean port? [file {file}]"


def test_a_file_that_is_no_toml_or_is_away_is_told(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_settings({}, {}, file)
    file.write_text("[server")
    with pytest.raises(ConfigError, match="found no TOML"):
        load_settings({}, {}, file)


def test_help_tells_each_default_and_choice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    text = " ".join(capsys.readouterr().out.split())

    for name, field in Settings.model_fields.items():
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            described = f"{field.description} ({field.default})".replace("- ", "-")
            assert described in text.replace("- ", "-"), name
    assert "--when-full wait|refuse" in text
    assert "--log-level DEBUG|INFO|WARNING|ERROR" in text
