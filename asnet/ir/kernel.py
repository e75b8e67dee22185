"""Single functions as machine code: compiled once per content, loaded, called by their address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from asnet.cache import Cache
from asnet.ir.jit import compile_object, link
from asnet.ir.optimise import HOST, Machine

__all__ = ["Kernel", "load_kernel"]


@dataclass(frozen=True)
class Kernel:
    """A loaded function; it stays at ``address`` as long as this object lives."""

    address: int
    keep: object = field(repr=False, compare=False)


_LOADED: WeakValueDictionary[tuple[object, ...], Kernel] = WeakValueDictionary()
"""What is loaded by text, name, machine and symbols: layers share kernels."""


def load_kernel(
    text: str, cache: Cache, *, name: str = "kernel", symbols: Mapping[str, int] | None = None, machine: Machine = HOST
) -> Kernel:
    """The function ``name`` of the LLVM IR ``text``, over ``symbols`` (name → address), compiled for ``machine``.

    Raises:
        PassError: the text is invalid, or it needs a symbol that is not given.
    """
    needs = tuple(sorted((symbols or {}).items()))
    key = text, name, machine, needs
    found = _LOADED.get(key)
    if found is None:
        address, library = link([compile_object(text, "", cache, machine)], symbols or {}, name)
        found = _LOADED[key] = Kernel(address, library)
    return found
