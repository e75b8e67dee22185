"""Memories as instances of library modules: RAMs with a copy for each read port, banks, ROMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asnet.hls.storage.ports import Organisation
from asnet.hls.storage.rows import tallest

__all__ = ["Part", "ReadPort", "memory_parts"]


@dataclass(frozen=True)
class ReadPort:
    """The signals at a read port, and the name of what is made for it if it is the first of a part."""

    name: str
    address: str
    data: str


@dataclass(frozen=True)
class Part:
    """An instance as templates write it: parameters and connections as pairs of name and text."""

    module: str
    name: str
    parameters: tuple[tuple[str, object], ...]
    connections: tuple[tuple[str, str], ...]


def memory_parts(
    shape: tuple[int, int, int],
    organisation: Organisation,
    ports: Sequence[ReadPort],
    *,
    deep: bool = False,
    file: str = "",
    enable: str = "1'b1",
    write: Mapping[str, str] | None = None,
) -> tuple[Part, ...]:
    """What a memory is made of.

    Args:
        shape: bits of a word, words, bits of an address.
        organisation: how its read ports are made.
        ports: the signals at them.
        deep: it is made of rows, see :func:`~asnet.hls.storage.is_deep`.
        file: of a ROM, the Verilog of its contents' path, without its ending.
        enable: of a RAM that is not deep, the signal ``re``.
        write: of a RAM, what is connected to ``we``, ``waddr``, ``wdata``; None: it is a ROM.
    """
    sizes = tuple(zip(("WIDTH", "DEPTH", "ADDRESS"), shape, strict=True))
    tall = tallest(shape[0], shape[1], writable=write is not None)
    ending, rows = ("_deep", (("TALL", tall),)) if deep else ("", ())
    if write is None:
        return (_part(_Kind(f"asnet_rom{ending}", (*rows, ("FILE", file)), (), ()), sizes, ports),)
    before, behind = (("re", enable),), tuple(write.items())
    plain = _Kind(f"asnet_ram{ending}", rows, () if deep else before, behind)
    if organisation.banks == 1:
        return (_part(plain, sizes, ports),)
    late = (("LATE", 1),) if deep else ()
    banked = _Kind("asnet_banks", (("SELECT", organisation.banks.bit_length() - 1), *late), before, behind)
    return tuple(
        _part(banked if len(group) > 1 else plain, sizes, [ports[number] for number in group])
        for group in organisation.copies
    )


@dataclass(frozen=True)
class _Kind:
    """A module: its own parameters, and connections before and behind those of its read ports."""

    module: str
    parameters: tuple[tuple[str, object], ...]
    before: tuple[tuple[str, str], ...]
    behind: tuple[tuple[str, str], ...]


def _part(kind: _Kind, sizes: Sequence[tuple[str, object]], ports: Sequence[ReadPort]) -> Part:
    reads = (("READS", len(ports)),) if len(ports) > 1 else ()
    return Part(
        kind.module,
        ports[0].name,
        (*sizes, *reads, *kind.parameters),
        (
            ("clk", "clk"),
            *kind.before,
            ("raddr", _together([port.address for port in ports])),
            ("rdata", _together([port.data for port in ports])),
            *kind.behind,
        ),
    )


def _together(signals: Sequence[str]) -> str:
    """The first one in the low bits."""
    return signals[0] if len(signals) == 1 else f"{{{', '.join(reversed(signals))}}}"
