"""What all layers of a design are planned with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from asnet.hls.binder import Binder
from asnet.hls.options import HlsOptions
from asnet.types import Array

__all__ = ["Setting"]


@dataclass(frozen=True)
class Setting:
    """``contents``: of all constant memories there are, by name; those that layers make must not have these names.

    ``scratch``: memories that no other layer accesses, which a layer need not have.
    """

    binder: Binder
    options: HlsOptions
    contents: Mapping[str, Array]
    scratch: Collection[str]

    def having(self, contents: Mapping[str, Array]) -> Setting:
        """This with more constant memories."""
        return replace(self, contents={**self.contents, **contents})
