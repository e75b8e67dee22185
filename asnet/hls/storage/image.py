"""The image of constants behind an AXI4 master, in the order of their use, and the hardware that fetches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from asnet.hls.names import comment, vector
from asnet.hls.storage.cost import memory_cost
from asnet.hls.storage.tiles import TiledConstant, TiledMemory
from asnet.hls.wires import fitted, number_bits
from asnet.ir import Memory
from asnet.resources import render

__all__ = ["BUS_WIDTHS", "WEIGHTS_FILE", "WEIGHTS_LIBRARY", "Fetcher", "WeightsImage", "by_channel", "saves_blocks"]

BUS_WIDTHS = (32, 64, 128, 256, 512)
"""Bits that a beat may have."""

WEIGHTS_LIBRARY = ("asnet_axi_read", "asnet_axi_share", "asnet_prefetch")
"""The modules that constants outside of the chip come through."""

WEIGHTS_FILE = "weights.hex"
"""The image in a design: a beat a line, as ``$readmemh`` takes it."""

_PAGE_BYTES = 4096
_MOST_BEATS = 256

_SMALL = 32
"""Words of a ring at least. Beside two tiles of so few words in all there is one more: it comes while the others are
read and claimed, which takes as many cycles."""


@dataclass(frozen=True)
class _Format:
    """How words lie in beats: ``words`` of a beat, or one of ``beats``."""

    words: int
    beats: int


@dataclass(frozen=True)
class _Entry:
    """A constant in the image: from byte ``first`` on."""

    constant: TiledConstant
    format: _Format
    first: int

    @property
    def words(self) -> int:
        """Words of a pass."""
        return len(self.constant.contents)

    @property
    def beats(self) -> int:
        """Beats of a pass."""
        return -(-self.words * self.format.beats // self.format.words)


@dataclass(frozen=True)
class WeightsImage:
    """All constants of a design that are not on the chip, and what fetches them.

    ``groups``: the constants that one fetcher brings, in the order of their use; ``bus``: bits of a beat.
    """

    groups: tuple[tuple[TiledConstant, ...], ...] = field(repr=False)
    bus: int

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat."""
        return self.bus // 8

    @cached_property
    def fetchers(self) -> tuple[Fetcher, ...]:
        """One for each group."""
        made: list[Fetcher] = []
        first = 0
        for group in self.groups:
            entries: list[_Entry] = []
            for constant in group:
                form = _format(constant.memory.element_bytes, self.beat_bytes)
                entries.append(_Entry(constant, form, first))
                first += entries[-1].beats * self.beat_bytes
            made.append(Fetcher(tuple(entries), self.bus))
        return tuple(made)

    @property
    def _entries(self) -> list[_Entry]:
        return [entry for fetcher in self.fetchers for entry in fetcher.entries]

    @property
    def nbytes(self) -> int:
        """Bytes of the image."""
        return sum(entry.beats for entry in self._entries) * self.beat_bytes

    @property
    def beats(self) -> int:
        """Beats that an image of the network reads."""
        return sum(entry.beats * entry.constant.memory.passes for entry in self._entries)

    @cached_property
    def image(self) -> bytes:
        """The bytes, little-endian."""
        return b"".join(_packed(entry, self.beat_bytes) for entry in self._entries)

    @property
    def hex_text(self) -> str:
        """The image for ``$readmemh``, a beat a line."""
        rows = np.frombuffer(self.image, np.uint8).reshape(-1, self.beat_bytes)[:, ::-1]
        return "".join(f"{row.tobytes().hex()}\n" for row in rows)

    def facts(self, folder: str) -> dict[str, object]:
        """What a test bench must know that is the memory; it runs where the design is in ``folder``."""
        return {
            "file": f"{folder}/{WEIGHTS_FILE}",
            "beats": self.nbytes // self.beat_bytes,
            "bus": self.bus,
            "bytes": self.beat_bytes,
            "size": self.beat_bytes.bit_length() - 1,
        }

    def sharing(self, masters: int) -> dict[str, object]:
        """What the top module's template needs to let ``masters`` read through one port."""
        return {
            "bus": self.bus,
            "size": self.beat_bytes.bit_length() - 1,
            "masters": masters,
            "pending": (2 * masters - 1).bit_length(),
        }


@dataclass(frozen=True)
class Fetcher:
    """What brings some constants of an image to the chip, one after the other; ``bus``: bits of a beat."""

    entries: tuple[_Entry, ...] = field(repr=False)
    bus: int

    @property
    def constants(self) -> tuple[TiledConstant, ...]:
        """The constants in the order of their use."""
        return tuple(entry.constant for entry in self.entries)

    @property
    def width(self) -> int:
        """Bits of the widest word."""
        return max(constant.memory.element_bytes * 8 for constant in self.constants)

    @property
    def ring_bits(self) -> int:
        """Bits of an address of the ring, which holds any two tiles that follow one another, three small ones."""
        return _ring_bits([constant.memory for constant in self.constants])

    def has(self, memory: Memory) -> bool:
        """Whether it brings the tiles of ``memory``."""
        return any(constant.memory.name == memory.name for constant in self.constants)

    def module(self, name: str, version: str) -> str:
        """The Verilog of the module ``name``."""
        formats = sorted({entry.format for entry in self.entries}, key=lambda form: (form.beats, -form.words))
        most = max(form.beats for form in formats)
        part_bits = number_bits(max(max(form.words, form.beats) for form in formats))
        beat_bytes = self.bus // 8
        entries = [
            {
                "name": comment(entry.constant.memory.name),
                "width": entry.constant.memory.element_bytes * 8,
                "byte": entry.first,
                "beats": entry.beats,
                "words": entry.words,
                "last": entry.words - 1,
                "passes": entry.constant.memory.passes,
                "more": entry.constant.memory.passes - 1,
                "tile": entry.constant.memory.size,
                "tiles_more": entry.constant.memory.tiles * entry.constant.memory.passes - 1,
                "format": formats.index(entry.format),
            }
            for entry in self.entries
        ]
        return render(
            "rtl/weights.v.j2",
            version=version,
            vector=vector,
            module=name,
            entries=entries,
            bytes=sum(entry.beats for entry in self.entries) * beat_bytes,
            beat_bytes=beat_bytes,
            bus=self.bus,
            size=beat_bytes.bit_length() - 1,
            fifo=_fifo_bits(beat_bytes),
            width=self.width,
            ring_bits=self.ring_bits,
            entry_bits=number_bits(len(entries)),
            pass_bits=number_bits(max(constant.memory.passes for constant in self.constants)),
            count_bits=number_bits(max(entry.words for entry in self.entries)),
            tile_bits=number_bits(max(c.memory.tiles * c.memory.passes for c in self.constants)),
            one_size=entries[0]["tile"] if len({entry["tile"] for entry in entries}) == 1 else 0,
            format_bits=number_bits(len(formats)),
            part_bits=part_bits,
            parts_bits=self.bus * (most - 1),
            formats=[_described(form, most, part_bits, self.width, self.bus) for form in formats],
        )


def by_channel(tiles: Sequence[TiledConstant]) -> tuple[tuple[TiledConstant, ...], ...]:
    """The constants that may be fetched one after the other, since no loop needs two of them at once."""
    channels = sorted({constant.memory.channel for constant in tiles})
    return tuple(tuple(own for own in tiles if own.memory.channel == channel) for channel in channels)


def saves_blocks(memory: TiledMemory, bus: int, *, alone: bool) -> bool:
    """Whether a ROM would take more block RAMs than what fetches ``memory`` through beats of ``bus`` bits.

    ``alone``: its fetcher brings nothing else.
    """
    bits = memory.element_bytes * 8
    fetching = memory_cost(bits, 1 << _ring_bits([memory])).blocks
    if alone:
        fetching += memory_cost(bus, 1 << _fifo_bits(bus // 8)).blocks
    return memory_cost(bits, memory.tiles * memory.size, writable=False).blocks > fetching


def _ring_bits(memories: Sequence[TiledMemory]) -> int:
    tiles: list[int] = []
    for memory in memories:
        tiles += [memory.size] * (2 if memory.tiles * memory.passes > 1 else 1)
    pairs = [a + b for a, b in zip(tiles, [*tiles[1:], tiles[0]], strict=True)]
    held = [pair + pair // 2 if pair <= _SMALL else pair for pair in pairs]
    return (max(_SMALL, *held) - 1).bit_length()


def _fifo_bits(beat_bytes: int) -> int:
    """Bits of an address of the FIFO, which holds two of the longest bursts."""
    return min(_MOST_BEATS, _PAGE_BYTES // beat_bytes).bit_length()


def _format(word: int, beat_bytes: int) -> _Format:
    """The format of words of so many bytes."""
    fit = 1
    while fit < word:
        fit *= 2
    return _Format(beat_bytes // fit, 1) if fit <= beat_bytes else _Format(1, -(-word // beat_bytes))


def _packed(entry: _Entry, beat_bytes: int) -> bytes:
    """A constant as it lies in the image: words padded to their share of a beat or of beats, the whole to beats."""
    rows = np.ascontiguousarray(entry.constant.contents).view(np.uint8).reshape(entry.words, -1)
    share = beat_bytes * entry.format.beats // entry.format.words
    padded = np.zeros((-(-entry.words // entry.format.words) * entry.format.words, share), dtype=np.uint8)
    padded[: entry.words, : rows.shape[1]] = rows
    return padded.tobytes()


def _described(form: _Format, most: int, part_bits: int, width: int, bus: int) -> dict[str, str]:
    """A format as the template needs it: when a beat is used up, when a word is complete, and the word."""
    if form.words > 1:
        share = bus // form.words
        place = _part(form.words, part_bits)
        taken = min(share, width)
        word = f"beat[{{{place}, {number_bits(share)}'d0}} +: {taken}]"
        whole = f"{_part(form.words, part_bits)} == {number_bits(form.words)}'d{form.words - 1}"
        return {
            "text": f"{form.words} words of a beat",
            "whole": whole,
            "complete": "1'b1",
            "word": fitted(word, taken, width),
        }
    if form.beats == 1:
        return {
            "text": "one word of a beat",
            "whole": "1'b1",
            "complete": "1'b1",
            "word": fitted("beat", bus, width),
        }
    high, bits = (most - 1) * bus, (form.beats - 1) * bus
    rest = width - bits
    return {
        "text": f"one word of {form.beats} beats",
        "whole": "1'b1",
        "complete": f"part == {part_bits}'d{form.beats - 1}",
        "word": fitted(f"{{beat, parts[{high - 1}:{high - bits}]}}", bits + bus, width)
        if rest >= bus
        else f"{{beat[{rest - 1}:0], parts[{high - 1}:{high - bits}]}}",
    }


def _part(count: int, part_bits: int) -> str:
    """The bits of ``part`` that number ``count`` things."""
    return "part" if number_bits(count) == part_bits else f"part[{number_bits(count) - 1}:0]"
