"""Binding a module's slot symbols to forms: compiled once, configurations are rows of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.emulate.forms import Form
from asnet.emulate.products import ProductsFunction
from asnet.errors import UsageError, did_you_mean
from asnet.ir import PARTS, Slot, products_symbol, vector_symbol
from asnet.ir.jit import Binder, Row
from asnet.ir.products import ARGUMENTS
from asnet.types import EXACT
from asnet.units import UnitInstance

__all__ = ["Binding", "Choose", "Plan"]

Plan: TypeAlias = tuple[str, ...]
"""The kind of form of every slot: what a compiled network depends on."""

Choose: TypeAlias = Callable[[Slot, "UnitInstance | None"], ProductsFunction]
"""The compiled kernel for the sums of products of a slot, which it has, and of an instance (None: exact)."""

_Writing: TypeAlias = tuple[NDArray[np.uint64], slice, NDArray[np.uint64]]

_KERNELS = "asnet.products.kernels"
_CALL = "asnet.products.call"

_MOST_BYTES = 1 << 30
"""Of prepared data (weights as kernels take them, for each instance) beyond those of the choices at hand."""


class Binding:
    """The forms of a network's slots.

    ``forms`` in the order of preference; the last one must serve everything. :meth:`plan` says which form each slot of
    a configuration takes, :meth:`binder` defines the symbols so, :meth:`select` makes a configuration effective in all
    engines that were made from this binding's binders. Sums of products have a table of their own, two addresses for
    each slot, which ``choose`` finds: they do not depend on a plan.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        instances: Mapping[str, UnitInstance],
        forms: Sequence[Form],
        choose: Choose | None = None,
    ) -> None:
        self._slots = tuple(slots)
        self._instances = dict(instances)
        self._forms = {form.kind: form for form in forms}
        self._tables: dict[str, NDArray[np.uint64]] = {
            form.kind: np.zeros(max(1, len(slots) * form.columns), np.uint64) for form in forms
        }
        self._choose = choose
        self._kernels = np.zeros((max(1, len(slots)), 2), np.uint64)
        self._functions = _Functions()
        self._effective: dict[int, ProductsFunction] = {}
        self._rows: dict[tuple[int, str], list[_Writing]] = {}

    def plan(self, configuration: Mapping[str, str], *, only: str | None = None) -> Plan:
        """For each slot the first form that serves its choice, or the form ``only``.

        Raises:
            UsageError: a slot without a choice, an unknown instance, or one that stands for another operation.
        """
        kinds: list[str] = []
        for slot in self._slots:
            instance = self._choice(configuration, slot)
            forms = [self._forms[only]] if only is not None else list(self._forms.values())
            kinds.append(next(form.kind for form in forms if form.serves(slot, instance)))
        return tuple(kinds)

    def binder(self, plan: Plan, lanes: Mapping[str, tuple[int, ...]] | None = None) -> Binder:
        """Every slot symbol, for vectors too, as its row of a function of its form, by the forms of ``plan``.

        ``lanes``: the widths of vectors by the slot's name, where they are not those of the binding's slots.
        """
        used = [self._forms[kind] for kind in self._forms if kind in plan]
        count = len(self._slots)
        lines = [f"@{form.table} = external global [{count * form.columns} x i64], align 8" for form in used]
        lines += [text for form in used if (text := form.declarations())]
        rows: dict[str, Row] = {}
        definitions: dict[str, str] = {}
        for index, (slot, kind) in enumerate(zip(self._slots, plan, strict=True)):
            own = slot.lanes if lanes is None else lanes.get(slot.name, ())
            for width, part in itertools.product((1, *own), PARTS if own else PARTS[:1]):
                name = vector_symbol(f"asnet.{kind}.{slot.op}.{slot.type}", width, part)
                rows[vector_symbol(slot.symbol, width, part)] = Row(name, index)
                if name not in definitions:
                    definitions[name] = self._forms[kind].definition(name, slot.op, slot.type, width, part)
        symbols = {name: address for form in used for name, address in form.symbols.items()}
        symbols |= {form.table: self._tables[form.kind].ctypes.data for form in used}
        for index, slot in enumerate(self._slots):
            if slot.products is not None:
                rows[products_symbol(slot.symbol)] = Row(_CALL, index)
                definitions[_CALL] = _TRAMPOLINE
                symbols[_KERNELS] = self._kernels.ctypes.data
        text = "\n".join([*lines, *definitions.values()]) + "\n" if used else ""
        return Binder(text, symbols, rows, keep=self)

    def select(self, configuration: Mapping[str, str], slots: Collection[str] | None = None) -> None:
        """Make ``configuration`` what ``slots`` (default: all) compute, in every form that serves it."""
        for index, slot in enumerate(self._slots):
            if slots is not None and slot.name not in slots:
                continue
            key = index, configuration.get(slot.name, "")
            if key not in self._rows:
                self._rows[key] = self._row(index, slot, self._choice(configuration, slot))
            for table, row, numbers in self._rows[key]:
                table[row] = numbers
            if slot.products is not None:
                self._effective[index] = self._functions.known[slot.name, key[1]]

    def _row(self, index: int, slot: Slot, instance: UnitInstance | None) -> list[_Writing]:
        """What makes a slot compute ``instance``: tables, where to write, and what."""
        found: list[_Writing] = []
        for form in self._forms.values():
            if form.serves(slot, instance):
                row = slice(index * form.columns, (index + 1) * form.columns)
                found.append((self._tables[form.kind], row, np.array(form.row(slot, instance), np.uint64)))
        if slot.products is not None:
            addresses = np.array(self._function(slot, instance).addresses, np.uint64)
            found.append((self._kernels.reshape(-1), slice(2 * index, 2 * index + 2), addresses))
        return found

    def _drop(self, keys: Iterable[tuple[str, str]]) -> None:
        """Forget what makes slots compute instances: it names functions that are gone, unless they are effective."""
        numbers = {slot.name: index for index, slot in enumerate(self._slots)}
        for name, choice in keys:
            self._rows.pop((numbers[name], choice), None)

    def kernels(self, configuration: Mapping[str, str]) -> dict[str, str]:
        """Name of each slot that sums products → the kind of form of its kernel."""
        summing = (slot for slot in self._slots if slot.products is not None)
        return {slot.name: self._function(slot, self._choice(configuration, slot)).kind for slot in summing}

    def _function(self, slot: Slot, instance: UnitInstance | None) -> ProductsFunction:
        key = slot.name, EXACT if instance is None else instance.name
        found = self._functions.get(key)
        if found is None:
            if self._choose is None:
                raise UsageError(
                    f"slot {slot.name!r} computes sums of products; give the binding a way to choose kernels"
                )
            found = self._choose(slot, instance)
            self._drop(self._functions.keep(key, found))
        return found

    def _choice(self, configuration: Mapping[str, str], slot: Slot) -> UnitInstance | None:
        name = configuration.get(slot.name)
        if name is None:
            raise UsageError(f"the configuration says nothing of slot {slot.name!r}; choose an instance or {EXACT!r}")
        if name == EXACT:
            return None
        if name not in self._instances:
            raise UsageError(f"slot {slot.name!r}: no instance {name!r}{did_you_mean(name, self._instances)}")
        instance = self._instances[name]
        if (instance.op, instance.type.name) != (slot.op, slot.type):
            raise UsageError(
                f"slot {slot.name!r} computes {slot.op} of {slot.type}, {name!r} stands for {instance.op} of "
                f"{instance.type}; choose another instance"
            )
        return instance


class _Functions:
    """Functions by slot and instance; those that were made longest ago go where their data take too much memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], ProductsFunction] = {}
        self._nbytes = 0

    def get(self, key: tuple[str, str]) -> ProductsFunction | None:
        return self.known.get(key)

    def keep(self, key: tuple[str, str], function: ProductsFunction) -> list[tuple[str, str]]:
        """Those that go."""
        self.known[key] = function
        self._nbytes += function.nbytes
        gone: list[tuple[str, str]] = []
        while self._nbytes > _MOST_BYTES and len(self.known) > 1:
            gone.append(next(iter(self.known)))
            self._nbytes -= self.known.pop(gone[-1]).nbytes
        return gone


def _trampoline() -> str:
    """The function behind every slot that computes sums of products: calls the kernel of its row."""
    parameters = ", ".join(f"{kind} %{name}" for kind, name in ARGUMENTS)
    return f"""@{_KERNELS} = external global [2 x ptr], align 8

define void @"{_CALL}"({parameters}, i64 %row) alwaysinline nounwind {{
  %code.place = getelementptr inbounds [2 x ptr], ptr @{_KERNELS}, i64 %row, i64 0
  %code = load ptr, ptr %code.place
  %data.place = getelementptr inbounds [2 x ptr], ptr @{_KERNELS}, i64 %row, i64 1
  %data = load ptr, ptr %data.place
  call void %code({parameters}, ptr %data)
  ret void
}}"""


_TRAMPOLINE = _trampoline()
