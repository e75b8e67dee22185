"""One writer at a time: an advisory lock that the system releases when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from asnet.errors import OutputError, StudyError

__all__ = ["FileLock"]


class FileLock:
    """A held lock on the file ``path``, which exists as long as it is held."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, path: Path, what: str) -> FileLock:
        """Lock ``path``, the lock of ``what``.

        Raises:
            StudyError: another process holds it.
            OutputError: the lock file cannot be written.
        """
        while True:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise OutputError(
                    f"cannot write {str(path)!r}: {error.strerror or error}; choose another folder with --study FILE"
                ) from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                owner = os.read(handle, 32).decode(errors="replace").strip()
                os.close(handle)
                raise StudyError(
                    f"{what} is in use by another process{f' ({owner})' if owner else ''}; wait until it has finished, "
                    "or write another study with --study FILE"
                ) from error
            if _is(path, handle):
                os.ftruncate(handle, 0)
                os.write(handle, f"pid {os.getpid()}".encode())
                return cls(path, handle)
            os.close(handle)  # its owner removed it between our open and our lock

    def release(self) -> None:
        """Let others have it; cheap to repeat."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._handle)
            self._handle = None


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False
