"""Chain files by name: where they are looked for, and what is no name."""

from pathlib import Path

import pytest

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.library import chain_file_names, find_chain_file

PACKAGED = Path(__file__).parents[2] / "config" / "gre_recon.xml"


@pytest.mark.parametrize("name", ["gre_recon", "gre_recon.xml"])
def test_a_packaged_file_is_found_from_anywhere(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert find_chain_file(name) == PACKAGED.read_bytes()


def test_a_folder_adds_names_but_cannot_change_a_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "gre_recon.xml").write_text("<other/>")
    (tmp_path / "mine.xml").write_text("<mine/>")

    assert find_chain_file("gre_recon", [tmp_path]) == PACKAGED.read_bytes()
    assert find_chain_file("mine", [tmp_path]) == b"<mine/>"
    assert {"gre_recon.xml", "mine.xml"} <= set(chain_file_names([tmp_path]))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../gre_recon", "/etc/passwd", "a/b", "a\\b", "x\0", ".xml", "a b"]
)
def test_what_is_no_plain_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needed a plain file name"):
        find_chain_file(name, [tmp_path])


def test_an_unknown_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "subfolder.xml").mkdir()

    with pytest.raises(ConfigError, match=r"did you mean gre_recon\?"):
        find_chain_file("gre_recom", [tmp_path, tmp_path / "absent"])
    with pytest.raises(ConfigError, match="unknown"):
        find_chain_file("subfolder", [tmp_path])
