"""Matching slots by layer, operation and operator: the words that constraints and configurations share."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape

from asnet.ir import Slot
from asnet.jsonfile import JsonNode
from asnet.types import APPROXIMABLE_OPS

__all__ = ["Match", "escape_layer", "site_number"]

_KEYS = ("layer", "type", "op", "site")


@dataclass(frozen=True)
class Match:
    """Holds for a slot where all the given keys hold; None is not asked.

    ``layer`` is a glob on layer names (case counts), ``type`` the node's ONNX op_type, ``op`` the LLVM operation,
    ``site`` the number of the site among those of its op in its layer (slots of granularity `site` only).
    """

    layer: str | None = None
    type: str | None = None
    op: str | None = None
    site: int | None = None

    @classmethod
    def from_json(cls, node: JsonNode) -> Match:
        """The match that ``node`` describes.

        Raises:
            ConstraintsError: no key, an unknown key, or a value of the wrong kind.
        """
        keys = node.fields(optional=_KEYS)
        if not keys:
            node.fail(f"an empty match; give one of {', '.join(_KEYS)}")
        return cls(
            layer=keys["layer"].string() if "layer" in keys else None,
            type=keys["type"].string() if "type" in keys else None,
            op=keys["op"].string(choices=APPROXIMABLE_OPS) if "op" in keys else None,
            site=keys["site"].integer(minimum=0) if "site" in keys else None,
        )

    def to_json(self) -> dict[str, str | int]:
        """The JSON object that :meth:`from_json` reads."""
        values = {"layer": self.layer, "type": self.type, "op": self.op, "site": self.site}
        return {key: value for key, value in values.items() if value is not None}

    def holds(self, slot: Slot) -> bool:
        """Whether ``slot`` is meant."""
        return (
            (self.layer is None or fnmatchcase(slot.layer, self.layer))
            and (self.type is None or slot.op_type == self.type)
            and (self.op is None or slot.op == self.op)
            and (self.site is None or site_number(slot) == self.site)
        )


def site_number(slot: Slot) -> int | None:
    """The number of the slot's only site in its layer and op, for a slot of granularity `site`; else None."""
    suffix = slot.name.removeprefix(f"{slot.layer}.{slot.op}")
    return int(suffix[1:]) if suffix else None


def escape_layer(name: str) -> str:
    """The glob that means the layer ``name`` and no other."""
    return escape(name)
