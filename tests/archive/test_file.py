import json
import zipfile

import pytest

from skqnn._archive.file import ArchiveError, read_members, write_members

MEMBERS = {"model.json": b"{}", "data/0.npy": bytes(range(200))}


@pytest.fixture
def path(tmp_path):
    write_members(tmp_path / "model", MEMBERS)
    return tmp_path / "model"


def rewrite(path, **entries):
    """Write a zip by hand; entries are name -> (bytes, compression)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (data, compression) in entries.items():
            archive.writestr(name, data, compression)


def manifest(**changes):
    return json.dumps({"format": "skqnn", "format_version": 1, "members": {}} | changes)


def test_members_come_back_and_bytes_are_reproducible(path, tmp_path):
    assert read_members(path) == MEMBERS
    write_members(tmp_path / "again", MEMBERS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_failed_write_leaves_the_old_file_and_nothing_else(path, tmp_path):
    with pytest.raises(TypeError):
        write_members(path, {"model.json": 1})
    with pytest.raises(OSError, match="missing"):
        write_members(tmp_path / "missing" / "model", MEMBERS)
    assert read_members(path) == MEMBERS
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_members(tmp_path / "nothing")


@pytest.mark.parametrize("version", [0, 2, 1.5, "1", None, True])
def test_other_format_version_is_refused(path, version):
    rewrite(path, **{"manifest.json": (manifest(format_version=version), 0)})
    with pytest.raises(ArchiveError, match="format version from 1 to 1"):
        read_members(path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": "other"}'])
def test_other_manifest_is_refused(path, text):
    rewrite(path, **{"manifest.json": (text, 0)})
    with pytest.raises(ArchiveError, match="not a model that skqnn has saved"):
        read_members(path)


@pytest.mark.parametrize(
    "members", [None, [], {"data/0.npy": {}}, {"data/1.npy": {"bytes": 1}}]
)
def test_members_that_the_manifest_does_not_name_are_refused(path, members):
    text = manifest(members=members)
    rewrite(path, **{"manifest.json": (text, 0), "data/0.npy": (b"1", 0)})
    with pytest.raises(ArchiveError, match=r"checksums of .*data/"):
        read_members(path)


@pytest.mark.parametrize(
    "name",
    ["../model.json", "/etc/x.json", "a/b/c.npy", "C:x.npy", "x.py", "d/", "é.npy"],
)
def test_name_of_another_place_is_refused(path, name):
    rewrite(path, **{"manifest.json": (manifest(), 0), name: (b"1", 0)})
    with pytest.raises(ArchiveError, match="plain names"):
        read_members(path)


def test_compressed_member_cannot_be_a_bomb(path):
    bomb = bytes(10**6)
    rewrite(path, **{"manifest.json": (manifest(), 0), "data/0.npy": (bomb, 8)})
    with pytest.raises(ArchiveError, match="not be larger than the file"):
        read_members(path)
    rewrite(path, **{"manifest.json": (manifest() + " " * 999, 0), "a.npy": (b"12", 8)})
    with pytest.raises(ArchiveError, match="uncompressed"):
        read_members(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_repeated_name_is_refused(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.json", b"[]")
    with pytest.raises(ArchiveError, match="different names"):
        read_members(path)


@pytest.mark.parametrize("before, after", [(b"", b"x"), (b"x", b""), (b"", b"PK" * 99)])
def test_bytes_beside_the_members_are_refused(path, before, after):
    path.write_bytes(before + path.read_bytes() + after)
    with pytest.raises(ArchiveError):
        read_members(path)


def test_comment_is_refused(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"hidden"
    with pytest.raises(ArchiveError, match="and nothing else"):
        read_members(path)


def test_huge_file_is_refused_unread(tmp_path):
    with open(tmp_path / "huge", "wb") as stream:
        stream.truncate(2**30 + 1)
    with pytest.raises(ArchiveError, match="at most"):
        read_members(tmp_path / "huge")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04.", b"{}"], ids=str)
def test_other_file_is_refused(tmp_path, data):
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(ArchiveError, match="not a model file"):
        read_members(tmp_path / "other")
