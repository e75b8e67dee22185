"""Running a module on the host: compiled once per content, loaded by LLVM's JIT linker."""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeAlias

import llvmlite
import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, digest
from asnet.errors import DataError, PassError, did_you_mean
from asnet.host import host_features, initialize_llvm, processors
from asnet.ir.inputs import checked_inputs
from asnet.ir.module import MemoryKind, Module
from asnet.ir.optimise import HOST, Machine, host_machine, optimise_for_host, retarget
from asnet.ir.program import RUN_FUNCTION, Program, Row
from asnet.ir.sharing import Sharing
from asnet.ir.state import Constants, Layout, State
from asnet.ir.verify import parse
from asnet.types import Array

__all__ = ["Binder", "CompiledObject", "Engine", "Float32", "Row", "compile_object", "link", "link_several"]

Float32: TypeAlias = NDArray[np.float32]

_OBJECT = "code.o"
_SYMBOLS = "symbols"


@dataclass(frozen=True)
class Binder:
    """What a module's slot symbols are: LLVM IR ``text`` that defines them, over ``symbols`` (name → address).

    The text is compiled and inlined together with the module, so it should not change from configuration to
    configuration; what changes (ids, masks, pointers) is data behind a symbol. A slot symbol in ``rows`` is not defined
    itself: its calls become calls of its row's function, so that layers which differ in nothing else are compiled once.
    ``keep`` holds whatever owns the addresses.
    """

    text: str
    symbols: Mapping[str, int] = field(default_factory=dict[str, int])
    rows: Mapping[str, Row] = field(default_factory=dict[str, Row])
    keep: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class CompiledObject:
    """Host object code, the symbols it defines and those it needs."""

    code: bytes
    defines: frozenset[str]
    needs: frozenset[str]


def compile_object(text: str, binder_text: str, cache: Cache, machine: Machine = HOST) -> CompiledObject:
    """Object code of IR ``text`` linked with ``binder_text`` (may be empty); from the cache if it is there.

    Raises:
        PassError: one of the texts is invalid, or they do not link.
    """
    key = digest(
        [
            *(text, binder_text, "host-8", repr(machine), llvm.get_host_cpu_name(), host_features()),
            *(llvmlite.__version__, _llvm_version()),
        ]
    )

    def build(folder: Path) -> None:
        context = llvm.create_context()
        unit = parse(text, context)
        if binder_text:
            try:
                unit.link_in(parse(binder_text, context))
            except RuntimeError as error:
                raise PassError(f"the definitions of the slot symbols do not link: {error}") from error
        target = host_machine(machine)
        if machine.effort == HOST.effort:
            optimise_for_host(unit, target)
        else:
            retarget(unit, target)
        (folder / _OBJECT).write_bytes(target.emit_object(unit))
        symbols = [s for s in (*unit.functions, *unit.global_variables) if not s.name.startswith("llvm.")]
        parts = ["\0".join(s.name for s in symbols if bool(s.is_declaration) == declared) for declared in (False, True)]
        (folder / _SYMBOLS).write_text("\0\0".join(parts), encoding="utf-8")

    folder = cache.get("objects", key, build)
    parts = (folder / _SYMBOLS).read_text(encoding="utf-8").split("\0\0")
    defines, needs = (frozenset(part.split("\0")) - {""} for part in parts)
    return CompiledObject((folder / _OBJECT).read_bytes(), defines, needs)


def _llvm_version() -> str:
    return ".".join(str(part) for part in llvm.llvm_version_info)


_LINK_LOCK = threading.Lock()
_LIBRARY_NUMBERS = itertools.count()


@cache
def _linker() -> llvm.LLJIT:
    initialize_llvm()
    return llvm.create_lljit_compiler()


def link(compiled: Sequence[CompiledObject], symbols: Mapping[str, int], name: str) -> tuple[int, object]:
    """Address of the function ``name`` in the loaded code, and what keeps it loaded.

    Raises:
        PassError: the code needs a symbol that nothing defines.
    """
    addresses, library = link_several(compiled, symbols, [name])
    return addresses[0], library


def link_several(
    compiled: Sequence[CompiledObject], symbols: Mapping[str, int], names: Sequence[str]
) -> tuple[list[int], object]:
    """Addresses of the functions ``names`` in the loaded code, and what keeps it loaded.

    Raises:
        PassError: the code needs a symbol that nothing defines.
    """
    needs = frozenset[str]().union(*(part.needs for part in compiled))
    missing = sorted(needs.difference(symbols, *(part.defines for part in compiled)))
    if missing:
        raise PassError(f"compiled code needs symbols that nothing defines: {', '.join(missing)}; bind them")
    with _LINK_LOCK:
        builder = llvm.JITLibraryBuilder()
        for name in names:
            builder.export_symbol(name)
        for part in compiled:
            builder.add_object_img(part.code)
        for symbol, address in symbols.items():
            builder.import_symbol(symbol, address)
        library = builder.link(_linker(), f"asnet.{next(_LIBRARY_NUMBERS)}")
        return [library[name] for name in names], library


class Engine:
    """A module as machine code. One engine serves several threads, each with a :class:`State` of its own."""

    def __init__(
        self, module: Module, *, binder: Binder | None = None, cache: Cache, threads: int | None = None
    ) -> None:
        """Compile (or fetch) and load ``module``; runs share their images among ``threads`` (all processors).

        Raises:
            PassError: the module is invalid, or a slot symbol has no definition in ``binder``.
        """
        self.module = module
        self._binder = binder or Binder("")
        program = Program.cached(module, self._binder.rows, cache)
        compiled = [compile_object(program.layers, self._binder.text, cache), compile_object(program.run, "", cache)]
        address, self._library = link(compiled, self._binder.symbols, RUN_FUNCTION)
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(MemoryKind), *[ctypes.c_int64] * 3)
        self._run = prototype(address)
        self._constants = Constants(module)
        self._layout = Layout.of(module)
        work = sum(module.blob_size(kind) for kind in MemoryKind)
        self._sharing = Sharing(module.mode, threads or processors(), work, sum(slot.count for slot in module.slots))
        self._inputs = tuple(m for m in module.memories.values() if m.kind is MemoryKind.INPUT)
        self._outputs = tuple(m for m in module.memories.values() if m.kind is MemoryKind.OUTPUT)

    def state(self, images: int) -> State:
        """Fresh memory for ``images`` images."""
        return State(self.module, images)

    def run(
        self,
        x: Array | Mapping[str, Array] | None = None,
        *,
        state: State | None = None,
        first: int = 0,
        end: int | None = None,
    ) -> Array:
        """Run calls number ``first`` to ``end`` - 1 (default: all) of ``module.calls`` on every image; the first output
        of the network.

        ``x`` is ``(images, …)`` with as many elements per image as the network's input (a mapping name → array for
        several inputs), of the input's type, or with values that fit it (all numbers fit float32); None takes the
        inputs that are in ``state``. With ``first`` > 0, ``state`` must hold what the calls before it computed. The
        result is ``(images, *shape)`` in the output's type, a leading 1 of its shape left out; it is a copy.

        Raises:
            DataError: ``x`` does not fit the network or the state.
        """
        if x is not None:
            arrays = checked_inputs(self.module, x)
            images = len(next(iter(arrays.values()))) if arrays else 1
            state = state or self.state(images)
            if state.images != images:
                raise DataError(f"{images} images do not fit a state of {state.images}; make one with Engine.state")
            for memory in self._inputs:
                state.view(memory).reshape(images, memory.size)[:] = arrays[memory.name]
        if state is None:
            raise DataError("neither images nor a state to run on; give one of them")
        if state.layout != self._layout:
            raise DataError("the state belongs to a module with other memories; make one with Engine.state")
        self.execute(state, first, end)
        return self.output(state)

    def execute(self, state: State, first: int = 0, end: int | None = None) -> None:
        """:meth:`run` on the inputs that are in ``state``, without a copy of the output."""
        last = len(self.module.calls) if end is None else end
        if first >= last:
            return
        state.reserve(self._sharing.workers(state.images))

        def piece(begin: int, images: int, worker: int) -> None:
            blobs = [
                self._constants.address if kind is MemoryKind.CONSTANT else state.address(kind, begin, worker)
                for kind in MemoryKind
            ]
            self._run(*blobs, images, first, last)

        self._sharing.run(state.images, piece)

    def output(self, state: State, name: str | None = None) -> Array:
        """A copy of the network's output ``name`` (default: the first), a leading 1 of its shape left out."""
        memory = self._outputs[0] if name is None else self.module.memory(name)
        shape = memory.shape[1:] if memory.shape[:1] == (1,) else memory.shape
        return np.array(state.view(memory).reshape(state.images, *shape))

    def memory(self, state: State, name: str) -> Array:
        """What tensor or memory ``name`` holds for every image, ``(images, *shape)``; a view.

        Raises:
            DataError: the module has no such memory.
        """
        known = {**self.module.memories, **self.module.aliases}
        if name not in known:
            raise DataError(f"no memory {name!r}{did_you_mean(name, known)}")
        return state.view(known[name])
