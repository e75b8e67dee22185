"""Archives of arrays (``.npz``): every fault of the file told as one."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from asnet.errors import DataError
from asnet.types import Array

__all__ = ["Archive", "open_archive"]

_BEGINNINGS = (b"PK", b"\x93NUMPY")
"""Of a zip file, and of a single array."""


@dataclass(frozen=True)
class Archive:
    """An open archive; ``what`` and ``remedy`` begin and end messages."""

    what: str
    remedy: str
    names: tuple[str, ...]
    _arrays: Mapping[str, Array] = field(repr=False)

    def read(self, name: str) -> Array:
        """The array ``name``.

        Raises:
            DataError: it is not there, or cannot be read.
        """
        if name not in self.names:
            found = ", ".join(sorted(self.names)) or "nothing"
            raise DataError(f"{self.what} has no array {name!r} (found: {found}); {self.remedy}")
        try:
            return self._arrays[name]
        except OSError:
            raise
        except Exception as error:  # zipfile, zlib and numpy raise what their decoding meets
            raise DataError(f"{self.what}: array {name!r} cannot be read: {error}; {self.remedy}") from error


@contextlib.contextmanager
def open_archive(path: Path, what: str, remedy: str) -> Generator[Archive]:
    """The archive ``path``, called ``what`` in messages, open in the block.

    Raises:
        DataError: it is missing, cannot be read, or is no archive.
    """
    try:
        with path.open("rb") as stream:
            if not stream.peek(6).startswith(_BEGINNINGS):  # numpy would take it for pickled objects
                raise DataError(f"{what} is not an .npz archive (it does not begin like one); {remedy}")
            loaded: object = np.load(stream, allow_pickle=False)
            if not isinstance(loaded, Mapping):
                raise DataError(f"{what} is a single array, not an .npz archive; {remedy}")
            arrays = cast("Mapping[str, Array]", loaded)
            yield Archive(what, remedy, tuple(arrays), arrays)
    except OSError as error:
        raise DataError(f"{what} cannot be read: {error.strerror or error}; check the path") from error
    except DataError:
        raise
    except Exception as error:  # as in Archive.read
        raise DataError(f"{what} is not an .npz archive ({error}); {remedy}") from error
