"""Pictures as SVG text: the few shapes that the reports need, with escaped text and numbers of one form."""

from __future__ import annotations

from html import escape

from asnet.resources import render

__all__ = ["COLOURS", "Svg", "shortened", "style"]

COLOURS = 8
"""Classes ``c0`` … ``c7`` fill with colours that differ from each other on light and on dark ground."""


def style() -> str:
    """Style of all pictures, below an element of class ``asnet``; follows the reader's choice of light or dark."""
    return render("report/style.css.j2")


def shortened(text: str, signs: int) -> str:
    """``text`` in at most ``signs`` signs."""
    return text if len(text) <= signs else text[: max(1, signs - 1)] + "…"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


class Svg:
    """A picture of ``width`` x ``height`` that grows shape by shape; what comes later lies above."""

    def __init__(self, width: float, height: float) -> None:
        """An empty picture."""
        self._size = (_number(width), _number(height))
        self._parts: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, kind: str, *, corner: float = 0, title: str = ""
    ) -> None:
        """A rectangle of class ``kind``; ``title`` is shown where the pointer rests on it."""
        size = f'x="{_number(x)}" y="{_number(y)}" width="{_number(max(width, 0.4))}" height="{_number(height)}"'
        rounded = f' rx="{_number(corner)}"' if corner else ""
        shape = f'<rect {size}{rounded} class="{kind}"'
        self._parts.append(f"{shape}><title>{escape(title)}</title></rect>" if title else f"{shape}/>")

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        """A line of text whose base line begins (class ``right``: ends, ``middle``: has its middle) at (x, y)."""
        named = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text x="{_number(x)}" y="{_number(y)}"{named}>{escape(text)}</text>')

    def path(self, commands: str, kind: str) -> None:
        """A path of class ``kind``."""
        self._parts.append(f'<path d="{commands}" class="{kind}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line of class ``kind``."""
        self.path(f"M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}", kind)

    def curve(self, points: tuple[tuple[float, float], ...]) -> None:
        """An edge through ``points`` that leaves and enters each of them vertically, with an arrow at its end."""
        x, y = points[0]
        commands = f"M{_number(x)} {_number(y)}"
        for nx, ny in points[1:]:
            middle = _number((y + ny) / 2)
            commands += f"C{_number(x)} {middle} {_number(nx)} {middle} {_number(nx)} {_number(ny)}"
            x, y = nx, ny
        self.path(commands, "edge")
        self.path(f"M{_number(x)} {_number(y)}l-4 -8h8z", "head")

    def inner(self) -> str:
        """The picture for a page that has the style already."""
        width, height = self._size
        shapes = "\n".join(self._parts)
        return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n{shapes}\n</svg>'

    def whole(self) -> str:
        """The picture as a file of its own."""
        width, height = self._size
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        shapes = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="asnet" {size}>\n<style>\n{style()}</style>\n'
            f'<rect width="100%" height="100%" class="ground"/>\n{shapes}\n</svg>\n'
        )
