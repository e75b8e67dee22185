"""Forms that compute sums of products, a panel at a time: the door, and a compiled one as a function of arrays.

A slot of a tiled layer that computes sums of products (:class:`asnet.ir.Products`) calls a kernel through two pointers,
its code and its data, so that any mix of forms and units over the layers of a network runs without compiling the
network again. How to write such a form: a class with the members of :class:`ProductsForm`, whose kernel has the
signature and meaning that :mod:`asnet.ir.products` says.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from asnet.cache import Cache
from asnet.host import float_environment
from asnet.ir import Products
from asnet.ir.kernel import Kernel, load_kernel
from asnet.ir.optimise import Machine
from asnet.ir.products import ALIGNMENT, ARGUMENTS, COLUMNS, container, padded
from asnet.types import AnyArray, Array, FloatMode
from asnet.units import UnitInstance

__all__ = ["SIGNATURE", "Data", "ProductsForm", "ProductsFunction", "aligned"]

SIGNATURE = ", ".join([*(f"{kind} %{name}" for kind, name in ARGUMENTS), "ptr %data"])
"""The parameters of a kernel, as LLVM IR text."""


@dataclass(frozen=True)
class Data:
    """What a kernel's ``data`` points to: 64-bit numbers in a row, the address of an array for each array.

    The arrays live as long as this object.
    """

    entries: tuple[int | Array, ...] = ()
    table: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = [entry if isinstance(entry, int) else entry.ctypes.data for entry in self.entries]
        object.__setattr__(self, "table", np.array([number & (1 << 64) - 1 for number in numbers] or [0], np.uint64))

    @property
    def address(self) -> int:
        """Where the numbers are."""
        return self.table.ctypes.data


class ProductsForm(Protocol):
    """One way to compute sums of products of a unit."""

    @property
    def kind(self) -> str:
        """Its name, as in reports."""
        ...

    @property
    def symbols(self) -> Mapping[str, int]:
        """What its kernels call: name → address."""
        ...

    @property
    def machine(self) -> Machine:
        """What its kernels are compiled for."""
        ...

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Whether it computes ``instance`` (None: exact) in layers like ``what``."""
        ...

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """LLVM IR that defines ``void @kernel(<SIGNATURE>)``; the same text wherever only data differs."""
        ...

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The data of ``instance`` in a layer whose constant operand (:attr:`asnet.ir.Products.constant`), if it has
        one, is ``constant``."""
        ...


def aligned(shape: tuple[int, ...], dtype: str) -> AnyArray:
    """An array of zeros that begins at a multiple of :data:`asnet.ir.products.ALIGNMENT` bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    begin = -raw.ctypes.data % ALIGNMENT
    return raw[begin : begin + size].view(dtype).reshape(shape)


class ProductsFunction:
    """A compiled kernel with its data: what a slot calls, and the same as a function of arrays."""

    def __init__(
        self,
        form: ProductsForm,
        what: Products,
        instance: UnitInstance | None,
        mode: FloatMode,
        cache: Cache,
        constant: Array | None = None,
    ) -> None:
        """Compile (or fetch) what ``form`` has for ``instance``, which it must serve.

        Raises:
            PassError: the form's text is invalid (a bug of ASNet).
        """
        self.kind = form.kind
        self.what = what
        self.text = form.kernel(what, instance)
        self._mode = mode
        self._kernel: Kernel = load_kernel(self.text, cache, symbols=form.symbols, machine=form.machine)
        self._data = form.data(what, instance, constant)

    @property
    def nbytes(self) -> int:
        """Bytes of the data."""
        return sum(entry.nbytes for entry in self._data.entries if not isinstance(entry, int))

    @property
    def addresses(self) -> tuple[int, int]:
        """Of the code and of the data; they are good as long as this object lives."""
        return self._kernel.address, self._data.address

    def __call__(self, v: AnyArray, s: AnyArray, y: AnyArray | None = None, group: int = 0) -> AnyArray:
        """``y + Σ unit``: ``v`` (depth, columns), ``s`` (rows, depth), ``y`` (rows, columns) or zeros; as a new array.

        The operands are converted to their container (:func:`asnet.ir.products.container`).
        """
        call, sums = self.prepared(v, s, y, group)
        with float_environment(self._mode):
            call()
        return sums.copy()

    def prepared(
        self, v: AnyArray, s: AnyArray, y: AnyArray | None = None, group: int = 0
    ) -> tuple[Callable[[], None], AnyArray]:
        """The bare call of the kernel on copies of the operands, to be made in the design's float mode, and the sums
        that it adds to."""
        (depth, columns), rows = v.shape, s.shape[0]
        pitch = max(COLUMNS, padded(columns))
        kind = container(self.what.type)
        panel, sums = aligned((max(1, depth), pitch), kind), aligned((max(1, rows), pitch), self.what.accumulator)
        panel[:depth, :columns] = v
        if y is not None:
            sums[:rows, :columns] = y
        scalars = np.ascontiguousarray(s, kind)
        code = _PROTOTYPE(self._kernel.address)

        def call() -> None:
            addresses = (array.ctypes.data for array in (sums, panel, scalars))
            code(*addresses, rows, columns, depth, pitch, pitch, depth, group, self._data.address)

        return call, sums[:rows, :columns]


_PROTOTYPE = ctypes.CFUNCTYPE(
    None, *(ctypes.c_void_p if kind == "ptr" else ctypes.c_int64 for kind, _ in ARGUMENTS), ctypes.c_void_p
)
