"""Zips are made here: one file inside is taken out, everything else is refused."""

import struct
from pathlib import Path

import pytest

from infra.capture import bundle
from infra.capture.archive import unpacked
from infra.capture.reader import Unreadable
from tests.infra.capture.files import zip_file

CONTENT = b"100,NEM12,202401010000,A,B\n" * 50


def refused(path: Path) -> str:
    target = path.with_suffix(".expanded")
    with pytest.raises(Unreadable) as refusal:
        unpacked(path, target)
    assert refusal.value.code == "BAD_ZIP"
    return refusal.value.reason


def test_a_plain_file_is_itself(tmp_path: Path) -> None:
    file = tmp_path / "plain"
    file.write_bytes(CONTENT)
    assert unpacked(file, tmp_path / "target") == file
    assert not (tmp_path / "target").exists()


def test_the_one_file_comes_out(tmp_path: Path) -> None:
    file = zip_file(tmp_path / "zip", {"folder/": b"", "folder/data.csv": CONTENT, "__MACOSX/._data.csv": b"x"})
    assert unpacked(file, tmp_path / "target").read_bytes() == CONTENT


def test_two_files_and_none(tmp_path: Path) -> None:
    assert "2 files" in refused(zip_file(tmp_path / "two", {"a": CONTENT, "b": CONTENT}))
    assert "0 files" in refused(zip_file(tmp_path / "none", {}))
    assert "21 files" in refused(zip_file(tmp_path / "many", {str(number): b"x" for number in range(21)}))


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/passwd", "..\\evil"])
def test_a_name_that_leads_outside(tmp_path: Path, name: str) -> None:
    assert "outside" in refused(zip_file(tmp_path / "zip", {name: CONTENT}))
    assert [path.name for path in tmp_path.iterdir()] == ["zip"]


def test_a_bomb(tmp_path: Path) -> None:
    assert "too large" in refused(zip_file(tmp_path / "zip", {"a": bytes(4 * bundle.RATIO_FREE_BYTES)}))


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    file = zip_file(tmp_path / "zip", {"a": bytes(4 * bundle.RATIO_FREE_BYTES)})
    data = bytearray(file.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    file.write_bytes(data)
    refused(file)
    assert (tmp_path / "zip.expanded").stat().st_size <= 10


def test_a_password(tmp_path: Path) -> None:
    file = zip_file(tmp_path / "zip", {"a": CONTENT})
    data = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    file.write_bytes(data)
    assert "password" in refused(file)


def test_damaged(tmp_path: Path) -> None:
    file = zip_file(tmp_path / "zip", {"a": CONTENT})
    file.write_bytes(file.read_bytes()[:-30])
    assert "damaged" in refused(file)
