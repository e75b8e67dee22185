"""Writing a design to a folder: whole or not at all, and never over somebody else's files."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from asnet.cache import check_writable
from asnet.errors import OutputError

__all__ = ["MANIFEST", "MANIFEST_KIND", "check_folder", "write_design"]

MANIFEST = "manifest.json"
MANIFEST_KIND = "ASNet design"
"""Value of the key ``kind`` in the manifest of every design."""


def write_design(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` (path → text) to ``folder``, which replaces a design that is there.

    Raises:
        OutputError: the folder holds something else, or cannot be written; it is as it was then.
    """
    check_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise OutputError(f"cannot write {str(folder)!r}: {error.strerror or error}") from error
    try:
        new = work / "new"
        for path, text in files.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rename(work / "old")
        try:
            new.rename(folder)
        except OSError:
            with contextlib.suppress(OSError):
                (work / "old").rename(folder)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {str(folder)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_folder(folder: Path) -> None:
    """Refuse a folder that a design cannot be written to.

    Raises:
        OutputError: it is a file, holds something else, or there is no permission.
    """
    check_writable(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"cannot write {str(folder)!r}: it is a file; choose another folder")
    try:
        if not any(folder.iterdir()):
            return
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("kind") != MANIFEST_KIND:  # pyright: ignore[reportUnknownMemberType]
        raise OutputError(f"{str(folder)!r} is not empty and holds no ASNet design; choose another folder or empty it")
