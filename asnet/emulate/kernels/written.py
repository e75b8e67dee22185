"""The texts of kernels on disk: writing one takes as long as running it on thousands of images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import ParamSpec

import llvmlite

from asnet.cache import default_cache, digest
from asnet.errors import OutputError

__all__ = ["sources", "written"]

_Arguments = ParamSpec("_Arguments")
_TEXT = "kernel.ll"


@cache
def sources() -> str:
    """A digest of what writes kernels and chooses among them: the text of this room, and of what emits code."""
    room = Path(__file__).parents[1]
    files = [*sorted(room.rglob("*.py")), room.parent / "ir" / "emission.py", room.parent / "ir" / "products.py"]
    return digest(part for path in files for part in (path.name, path.read_bytes()))


def written(text: Callable[_Arguments, str]) -> Callable[_Arguments, str]:
    """``text``, a function of frozen values alone, that remembers what it wrote: here, and in the user's cache."""

    @cache
    def remembered(*args: object, **options: object) -> str:
        def build(folder: Path) -> None:
            (folder / _TEXT).write_text(text(*args, **options), encoding="utf-8")  # pyright: ignore[reportCallIssue]

        facts = (f"{text.__module__}.{text.__qualname__}", repr(args), repr(sorted(options.items())))
        try:
            folder = default_cache().get("kernel-texts", digest([sources(), llvmlite.__version__, *facts]), build)
        except OutputError:  # no cache: the one that code is compiled with may be another
            return text(*args, **options)  # pyright: ignore[reportCallIssue]
        return (folder / _TEXT).read_text(encoding="utf-8")

    @wraps(text)
    def call(*args: _Arguments.args, **options: _Arguments.kwargs) -> str:
        return remembered(*args, **options)

    return call
