"""What the user wants of single layers."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from asnet.hls.options import HlsOptions

__all__ = ["images_of", "lanes_of", "unroll_of"]


def lanes_of(layer: str, options: HlsOptions) -> int:
    """The lanes that the user wants for ``layer``."""
    return _wanted(layer, options.parallel)


def images_of(layer: str, options: HlsOptions) -> int:
    """The images that the user wants ``layer`` to work on at once."""
    return _wanted(layer, options.interleave)


def unroll_of(layer: str, options: HlsOptions) -> int:
    """The iterations of a reduction of ``layer`` that the user wants to be one."""
    return _wanted(layer, options.unroll)


def _wanted(layer: str, choices: Mapping[str, int]) -> int:
    """What the last of the globs that match ``layer`` says; 1 if none does."""
    return next((number for pattern, number in reversed([*choices.items()]) if fnmatchcase(layer, pattern)), 1)
