"""Content-addressed cache of compiled artefacts, safe between processes and against kill -9.

An entry is a folder named by the digest of everything that determines its content. It is built in a temporary folder
and published with one ``rename``: it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from asnet.errors import OutputError

__all__ = ["Cache", "check_writable", "check_writable_file", "default_cache", "digest", "write_atomically"]

_BUILDING = ".building-"
_ABANDONED_AFTER = 86_400.0  # seconds


def digest(parts: Iterable[str | bytes | memoryview]) -> str:
    """SHA-256 (hex) of a sequence of strings and bytes; the boundaries between parts count."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()


def check_writable(path: Path) -> None:
    """Refuse a place where nothing can be written, before the work whose result shall go there.

    Raises:
        OutputError: a file is where a folder must be, or there is no permission.
    """
    folder = path.absolute().parent
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: {str(folder)!r} is no folder; choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {str(path)!r}: no permission in {str(folder)!r}; choose another place")


def check_writable_file(path: Path) -> None:
    """:func:`check_writable` for a file.

    Raises:
        OutputError: also if ``path`` is a folder.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: it is a folder; name a file")
    check_writable(path)


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old content or the new one, never a part.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
    """
    content = data.encode() if isinstance(data, str) else data
    check_writable_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def _sweep(folder: Path) -> None:
    """Remove what builds that were killed long ago left in ``folder``."""
    for work in folder.glob(f"{_BUILDING}*"):
        with contextlib.suppress(OSError):
            if time.time() - work.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(work, ignore_errors=True)


class Cache:
    """A folder of immutable entries, one folder per key."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(self, kind: str, key: str) -> Path:
        """Where the entry ``key`` of ``kind`` is, or would be."""
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the entry is there (whole)."""
        return self.entry(kind, key).is_dir()

    def get(self, kind: str, key: str, build: Callable[[Path], None]) -> Path:
        """The folder of entry ``key``; if absent, ``build(folder)`` fills it first.

        Two processes may build the same entry at the same time; the first to finish wins, both get the same content.

        Raises:
            OutputError: the cache folder cannot be written.
        """
        target = self.entry(kind, key)
        if target.is_dir():
            return target
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target.parent)
            work = Path(tempfile.mkdtemp(dir=target.parent, prefix=_BUILDING))
        except OSError as error:
            raise OutputError(
                f"cannot write the cache {str(self.root)!r}: {error.strerror or error}; "
                "set ASNET_CACHE to a folder that can be written"
            ) from error
        try:
            build(work)
            try:
                work.rename(target)
            except OSError as error:
                if not target.is_dir():
                    raise OutputError(f"cannot publish {str(target)!r}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return target


def default_cache() -> Cache:
    """The user's cache: ``$ASNET_CACHE``, else ``$XDG_CACHE_HOME/asnet``, else ``~/.cache/asnet``.

    Raises:
        OutputError: none of them is known (a user without a home folder, as in some containers).
    """
    chosen = os.environ.get("ASNET_CACHE")
    if chosen:
        return Cache(Path(chosen))
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return Cache((Path(base) if base else Path.home() / ".cache") / "asnet")
    except RuntimeError as error:
        raise OutputError("no folder for the cache: the user has no home; set ASNET_CACHE to one") from error
