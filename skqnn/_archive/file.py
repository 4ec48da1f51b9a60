"""The file around a saved estimator: named members in a zip, with sizes and checksums.

Nothing in it is compressed and nothing is ever extracted to disk, so a file can neither
grow when it is read nor write anywhere.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

FORMAT_VERSION = 1

_FORMAT = "skqnn"
_MANIFEST = "manifest.json"
_MAX_BYTES = 2**30
_MAX_MEMBERS = 10_000
_NAME = re.compile(r"([a-z]{1,20}/)?[a-z0-9]{1,20}\.(json|npy|qasm|skops)", re.ASCII)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


class ArchiveError(ValueError):
    """A file is not a complete and unaltered model that this version can read."""


def write_members(path: str | os.PathLike[str], members: Mapping[str, bytes]) -> None:
    """Write the members and their manifest to a file, replacing it at once."""
    manifest = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "written_by": {name: version(name) for name in ("skqnn", "qiskit")},
        "members": _inventory(members),
    }
    texts = {_MANIFEST: json.dumps(manifest, indent=1).encode(), **members}
    complete = Path(path)
    part = complete.with_name(f"{complete.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, data in texts.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
        os.replace(part, complete)
    finally:
        part.unlink(missing_ok=True)


def read_members(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return all members but the manifest, which they are checked against.

    Raises
    ------
    ArchiveError
        If the file is damaged, altered, of another format or of a newer version.
    OSError
        If there is no such file, or it cannot be opened.
    """
    size = os.path.getsize(path)
    if size > _MAX_BYTES:
        raise ArchiveError(
            f"A model file must have at most {_MAX_BYTES} bytes, got {size} in "
            f"{os.fspath(path)!r}."
        )
    data = Path(path).read_bytes()
    try:
        members = _unzip(data)
        manifest = json.loads(members.pop(_MANIFEST))
    except ArchiveError:
        raise
    except Exception as error:  # parsers of hostile bytes may raise anything
        raise ArchiveError(
            f"{os.fspath(path)!r} is not a model file, or it is damaged: {error}"
        ) from error
    _check_manifest(manifest, members)
    return members


def _unzip(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > _MAX_MEMBERS or sum(e.file_size for e in entries) > len(data):
            raise ArchiveError(
                "The members of a model file must not be larger than the file."
            )
        for entry in entries:
            _check_entry(entry)
        if archive.comment or len(data) != _size(entries):
            raise ArchiveError("A model file must hold its members and nothing else.")
        if len({entry.filename for entry in entries}) < len(entries):
            raise ArchiveError("The members of a model file must have different names.")
        return {entry.filename: archive.read(entry) for entry in entries}


def _size(entries: list[zipfile.ZipInfo]) -> int:
    """Return the bytes of a file with these members, without anything between them.

    A local header has 30 bytes and a name, the one in the directory at the end 46, and
    the end of the directory 22.
    """
    return 22 + sum(76 + 2 * len(e.filename) + e.file_size for e in entries)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Refuse what `write_members` never writes."""
    plain = (
        entry.compress_type == zipfile.ZIP_STORED
        and entry.compress_size == entry.file_size
        and not entry.flag_bits & 1  # encrypted
        and not (entry.extra or entry.comment)
    )
    if not plain or not _NAME.fullmatch(entry.filename):
        raise ArchiveError(
            "The members of a model file must be stored uncompressed under plain "
            f"names, got {entry.filename!r}."
        )


def _inventory(members: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    return {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }


def _check_manifest(manifest: Any, members: Mapping[str, bytes]) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise ArchiveError("The file is not a model that skqnn has saved.")
    found = manifest.get("format_version")
    if type(found) is not int or not 1 <= found <= FORMAT_VERSION:
        raise ArchiveError(
            f"The file must have a format version from 1 to {FORMAT_VERSION}, got "
            f"{found!r}; a newer skqnn can read it."
        )
    expected, present = manifest.get("members"), _inventory(members)
    if expected != present:
        names = set(present)
        if isinstance(expected, dict):
            names = {
                n for n in {*expected, *present} if expected.get(n) != present.get(n)
            }
        raise ArchiveError(
            "The file is damaged or was altered: the checksums of "
            f"{', '.join(sorted(names))} do not match."
        )
