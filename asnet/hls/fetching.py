"""How layers read constants that are not on the chip, in either style."""

from __future__ import annotations

from collections.abc import Sequence

from asnet.hls.module import MemoryPort
from asnet.hls.ranges import address_bits
from asnet.hls.storage import Fetcher
from asnet.hls.wires import fitted

__all__ = ["BUS_ENDS", "FETCHER_SUFFIXES", "bus_connections", "describe_fetcher", "fetched_word"]

FETCHER_SUFFIXES = ("", "_ready", "_word", "_address", "_takes", "_owner", "_turn")
"""Endings of a fetcher's signals."""


BUS_ENDS = ("araddr", "arlen", "arvalid", "arready", "rvalid", "rdata_axi", "rresp", "rlast")
"""A fetcher's ports to the bus."""


def describe_fetcher(
    name: str, module: str, fetcher: Fetcher, users: Sequence[tuple[str, MemoryPort]], bus: Sequence[tuple[str, str]]
) -> dict[str, object]:
    """The instance ``name`` of ``module`` for the template ``rtl/fetcher.v.j2``.

    ``users``: what the signals of the ports begin with that read from it, and those ports; who has taken a tile says
    which word is read, until another one does. ``bus``: connections to the bus.
    """
    bits = fetcher.ring_bits
    addresses = [fitted(f"{user}_raddr", address_bits(port.memory), bits) for user, port in users]
    chosen = [f"({{{bits}{{{name}_turn[{number}]}}}} & {address})" for number, address in enumerate(addresses)]
    return {
        "name": name,
        "module": module,
        "width": fetcher.width,
        "ring_bits": bits,
        "users": len(users),
        "claim": " | ".join(f"{user}_claim" for user, _ in users),
        "takes": ", ".join(f"{user}_take" for user, _ in reversed(users)),
        "address": " | ".join(chosen) if len(users) > 1 else addresses[0],
        "bus": bus,
    }


def bus_connections(share: str, number: int) -> tuple[tuple[str, str], ...]:
    """Connections of fetcher ``number`` to the signals in front of an ``asnet_axi_share``, which ``share`` begins."""
    return (
        ("error", f"{share}_faults[{number}]"),
        ("araddr", f"{share}_araddr[{32 * number + 31}:{32 * number}]"),
        ("arlen", f"{share}_arlen[{8 * number + 7}:{8 * number}]"),
        *((end, f"{share}_{end}[{number}]") for end in ("arvalid", "arready", "rvalid")),
        *((port, f"m_axi_{end}") for port, end in (("rdata_axi", "rdata"), ("rresp", "rresp"), ("rlast", "rlast"))),
    )


def fetched_word(name: str, fetcher: Fetcher, port: MemoryPort) -> str:
    """The word that ``port`` reads from the fetcher's instance ``name``."""
    return fitted(f"{name}_word", fetcher.width, port.memory.element_bytes * 8)
