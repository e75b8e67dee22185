"""A configuration: which instance each slot takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asnet.cache import digest
from asnet.types import EXACT

__all__ = ["Configuration"]


class Configuration(Mapping[str, str]):
    """Slot name → instance name (``fmul_trunc(p=20)`` or ``exact``), in the order of the slots; never changes."""

    __slots__ = ("_choices",)

    def __init__(self, choices: Mapping[str, str]) -> None:
        self._choices = dict(choices)

    @property
    def digest(self) -> str:
        """SHA-256 of the choices, whatever their order."""
        return digest([word for choice in sorted(self._choices.items()) for word in choice])

    @property
    def instances(self) -> tuple[str, ...]:
        """The instances in use, without `exact`, each once."""
        return tuple(dict.fromkeys(name for name in self._choices.values() if name != EXACT))

    def __getitem__(self, slot: str) -> str:
        return self._choices[slot]

    def __iter__(self) -> Iterator[str]:
        return iter(self._choices)

    def __len__(self) -> int:
        return len(self._choices)

    def __hash__(self) -> int:
        return hash(frozenset(self._choices.items()))

    def __repr__(self) -> str:
        return f"Configuration({self._choices})"
