"""How many lanes each layer gets: more for the slowest one, until a goal is reached or something is used up.

In a pipeline of layers an image takes as long as the slowest layer, so nothing else is worth more lanes; where layers
run one after the other, the layer gets them that saves most cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asnet.errors import UnreachableError
from asnet.hls.chip import Area

__all__ = ["Candidate", "Choice", "Goal", "choose"]


_NOTHING = Area()


@dataclass(frozen=True)
class Candidate:
    """A layer with so many lanes: its cycles per image, its area, op → units that it has, and the beats of the bus that
    bring its weights for an image, if they are not on the chip."""

    lanes: int
    cycles: int
    area: Area
    units: Mapping[str, int]
    beats: int = 0


@dataclass(frozen=True)
class Goal:
    """What is wanted. ``target``: at most so many cycles per image; ``budget``: at most this area, of the device
    ``device``; ``around``: what the design takes beyond its layers; ``units``: op → units that a layer may have.
    ``together``: layers work at the same time.
    """

    target: int | None = None
    budget: Area | None = None
    device: str = ""
    around: Area = _NOTHING
    units: Mapping[str, int] | None = None
    together: bool = True


@dataclass(frozen=True)
class Choice:
    """Lanes of each layer, the cycles per image and area that follow, and why there are no more, in words."""

    lanes: tuple[int, ...]
    cycles: int
    area: Area
    reason: str


def choose(
    layers: Sequence[str],
    possible: Sequence[Sequence[int]],
    candidate: Callable[[int, int], Candidate],
    goal: Goal,
) -> Choice:
    """Lanes for ``layers``.

    Args:
        layers: names.
        possible: of each layer, the numbers of lanes to choose from, ascending; the first is the least.
        candidate: (layer's number, lanes) → what that costs.
        goal: where to stop.

    Raises:
        UnreachableError: the goal cannot be reached; the message names the best that can.
    """
    return _Search(layers, possible, candidate, goal).run()


class _Search:
    def __init__(
        self,
        layers: Sequence[str],
        possible: Sequence[Sequence[int]],
        candidate: Callable[[int, int], Candidate],
        goal: Goal,
    ) -> None:
        self._layers = layers
        self._possible = possible
        self._candidate = candidate
        self._goal = goal
        self._now = [candidate(layer, lanes[0]) for layer, lanes in enumerate(possible)]
        self._reason = ""

    @property
    def _cycles(self) -> int:
        return max(self._worked, self._beats)

    @property
    def _worked(self) -> int:
        counts = [chosen.cycles for chosen in self._now]
        return max(counts) if self._goal.together else sum(counts)

    @property
    def _beats(self) -> int:
        return sum(chosen.beats for chosen in self._now)

    @property
    def _area(self) -> Area:
        return sum((chosen.area for chosen in self._now), self._goal.around)

    def run(self) -> Choice:
        goal = self._goal
        if goal.budget is not None and not self._area.fits(goal.budget):
            raise UnreachableError(
                f"the design does not fit {goal.device}: with as few lanes as possible it takes {self._area}, and the "
                f"device offers {goal.budget}; choose --style sequential, --weights external if block RAMs are too "
                "few, or a larger device"
            )
        target = goal.target
        while target is None or self._cycles > target:
            if not self._step():
                break
        if target is not None and self._cycles > target:
            raise UnreachableError(
                f"{target:,} cycles per image are out of reach: the best is {self._cycles:,}, because {self._reason}"
            )
        if target is not None:
            self._reason = f"{self._cycles:,} cycles per image are no more than the {target:,} wanted"
        return Choice(tuple(chosen.lanes for chosen in self._now), self._cycles, self._area, self._reason)

    def _step(self) -> bool:
        """Give one layer more lanes; False if that does not help, and then :attr:`_reason` says why."""
        if self._beats >= self._worked:
            self._reason = f"weights outside of the chip are {self._beats:,} beats of their bus (--bus) for each image"
            return False
        slowest = max(range(len(self._now)), key=lambda layer: self._now[layer].cycles)
        if self._goal.together:
            found = self._next(slowest)
            if isinstance(found, str):
                self._reason = found
                return False
            self._now[slowest] = found
            return True
        found = [
            (layer, better) for layer in range(len(self._now)) if isinstance(better := self._next(layer), Candidate)
        ]
        if not found:
            self._reason = str(self._next(slowest))
            return False
        layer, better = max(found, key=lambda pair: self._now[pair[0]].cycles - pair[1].cycles)
        self._now[layer] = better
        return True

    def _next(self, layer: int) -> Candidate | str:
        """The layer with the fewest lanes that make it faster, or why there are none."""
        now, name = self._now[layer], self._layers[layer]
        for lanes in self._possible[layer]:
            if lanes <= now.lanes:
                continue
            found = self._candidate(layer, lanes)
            if found.cycles >= now.cycles:
                continue
            for op, most in (self._goal.units or {}).items():
                if found.units.get(op, 0) > most:
                    return f"layer {name!r} takes {now.cycles:,} cycles, and may have no more than {most} units {op!r}"
            area = self._area - now.area + found.area
            if self._goal.budget is not None and not area.fits(self._goal.budget):
                return (
                    f"with {lanes} lanes in layer {name!r}, which takes {now.cycles:,} cycles, the design would take "
                    f"{area}, too much for {self._goal.device}"
                )
            return found
        return f"layer {name!r} takes {now.cycles:,} cycles, and no more lanes make it faster"
