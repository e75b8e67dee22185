"""The image of constants behind an AXI4 master, in the order of their use, and the hardware that fetches them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from asnet.hls.names import comment, vector
from asnet.hls.storage.tiles import TiledConstant
from asnet.resources import render

__all__ = ["BUS_BITS", "WEIGHTS_FILE", "WEIGHTS_LIBRARY", "WEIGHTS_MODULE", "WeightsImage"]

BUS_BITS = 64
"""Bits of a beat."""

WEIGHTS_MODULE = "asnet_weights"
WEIGHTS_LIBRARY = ("asnet_axi_read", "asnet_prefetch")
"""The modules that it is made of."""

WEIGHTS_FILE = "weights.hex"
"""The image in a design: a beat a line, as ``$readmemh`` takes it."""

_BYTES = BUS_BITS // 8


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
    """All constants of a design that are not on the chip, in the order in which an image uses them."""

    constants: tuple[TiledConstant, ...] = field(repr=False)

    @cached_property
    def _entries(self) -> tuple[_Entry, ...]:
        entries: list[_Entry] = []
        first = 0
        for constant in self.constants:
            entries.append(_Entry(constant, _format(constant.memory.element_bytes), first))
            first += entries[-1].beats * _BYTES
        return tuple(entries)

    @property
    def nbytes(self) -> int:
        """Bytes of the image."""
        return self._entries[-1].first + self._entries[-1].beats * _BYTES

    @property
    def traffic(self) -> int:
        """Bytes that an image of the network reads."""
        return sum(entry.beats * _BYTES * entry.constant.memory.passes for entry in self._entries)

    @property
    def width(self) -> int:
        """Bits of the widest word."""
        return max(constant.memory.element_bytes * 8 for constant in self.constants)

    @property
    def ring_bits(self) -> int:
        """Bits of an address of the ring, which holds any two tiles that follow one another."""
        tiles: list[int] = []
        for constant in self.constants:
            several = constant.memory.tiles * constant.memory.passes > 1
            tiles += [constant.memory.size] * (2 if several else 1)
        return (max(a + b for a, b in zip(tiles, [*tiles[1:], tiles[0]], strict=True)) - 1).bit_length()

    @cached_property
    def image(self) -> bytes:
        """The bytes, little-endian."""
        return b"".join(_packed(entry) for entry in self._entries)

    @property
    def hex_text(self) -> str:
        """The image for ``$readmemh``, a beat a line."""
        beats = np.frombuffer(self.image, dtype=f"<u{_BYTES}")
        return "".join(f"{int(beat):0{2 * _BYTES}x}\n" for beat in beats)

    def facts(self, folder: str) -> dict[str, object]:
        """What a test bench must know that is the memory; it runs where the design is in ``folder``."""
        return {
            "file": f"{folder}/{WEIGHTS_FILE}",
            "beats": self.nbytes // _BYTES,
            "bytes": _BYTES,
            "size": _BYTES.bit_length() - 1,
        }

    def module(self, version: str) -> str:
        """The Verilog of the module that fetches them."""
        formats = sorted({entry.format for entry in self._entries}, key=lambda form: (form.beats, -form.words))
        most = max(form.beats for form in formats)
        part_bits = _bits(max(max(form.words, form.beats) for form in formats))
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
            for entry in self._entries
        ]
        return render(
            "rtl/weights.v.j2",
            version=version,
            vector=vector,
            module=WEIGHTS_MODULE,
            entries=entries,
            bytes=self.nbytes,
            beat_bytes=_BYTES,
            bus=BUS_BITS,
            size=_BYTES.bit_length() - 1,
            width=self.width,
            ring_bits=self.ring_bits,
            entry_bits=_bits(len(entries)),
            pass_bits=_bits(max(entry.constant.memory.passes for entry in self._entries)),
            count_bits=_bits(max(entry.words for entry in self._entries)),
            tile_bits=_bits(max(c.memory.tiles * c.memory.passes for c in self.constants)),
            format_bits=_bits(len(formats)),
            part_bits=part_bits,
            parts_bits=BUS_BITS * (most - 1),
            formats=[_described(form, most, part_bits, self.width) for form in formats],
        )


def _bits(count: int) -> int:
    """Bits that number ``count`` things, at least one."""
    return max(1, (count - 1).bit_length())


def _format(word: int) -> _Format:
    """The format of words of so many bytes."""
    fit = 1
    while fit < word:
        fit *= 2
    return _Format(_BYTES // fit, 1) if fit <= _BYTES else _Format(1, -(-word // _BYTES))


def _packed(entry: _Entry) -> bytes:
    """A constant as it lies in the image: words padded to their share of a beat or of beats, the whole to beats."""
    rows = np.ascontiguousarray(entry.constant.contents).view(np.uint8).reshape(entry.words, -1)
    share = _BYTES * entry.format.beats // entry.format.words
    padded = np.zeros((-(-entry.words // entry.format.words) * entry.format.words, share), dtype=np.uint8)
    padded[: entry.words, : rows.shape[1]] = rows
    return padded.tobytes()


def _described(form: _Format, most: int, part_bits: int, width: int) -> dict[str, str]:
    """A format as the template needs it: when a beat is used up, when a word is complete, and the word."""
    if form.words > 1:
        share = BUS_BITS // form.words
        place = _part(form.words, part_bits)
        taken = min(share, width)
        word = f"beat[{{{place}, {_bits(share)}'d0}} +: {taken}]"
        whole = f"{_part(form.words, part_bits)} == {_bits(form.words)}'d{form.words - 1}"
        return {
            "text": f"{form.words} words of a beat",
            "whole": whole,
            "complete": "1'b1",
            "word": _fit(word, taken, width),
        }
    if form.beats == 1:
        return {
            "text": "one word of a beat",
            "whole": "1'b1",
            "complete": "1'b1",
            "word": _fit("beat", BUS_BITS, width),
        }
    high, bits = (most - 1) * BUS_BITS, (form.beats - 1) * BUS_BITS
    rest = width - bits
    return {
        "text": f"one word of {form.beats} beats",
        "whole": "1'b1",
        "complete": f"part == {part_bits}'d{form.beats - 1}",
        "word": _fit(f"{{beat, parts[{high - 1}:{high - bits}]}}", bits + BUS_BITS, width)
        if rest >= BUS_BITS
        else f"{{beat[{rest - 1}:0], parts[{high - 1}:{high - bits}]}}",
    }


def _part(count: int, part_bits: int) -> str:
    """The bits of ``part`` that number ``count`` things."""
    return "part" if _bits(count) == part_bits else f"part[{_bits(count) - 1}:0]"


def _fit(signal: str, width: int, wanted: int) -> str:
    """``signal`` in ``wanted`` bits."""
    return (
        signal
        if width == wanted
        else f"{{{wanted - width}'d0, {signal}}}"
        if width < wanted
        else f"{signal}[{wanted - 1}:0]"
    )
