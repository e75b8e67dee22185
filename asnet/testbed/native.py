"""Judging float outputs in one pass of machine code: right answers, and the outputs' canonical bits side by side."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache
from asnet.ir.jit import compile_object, link

__all__ = ["NativeJudge"]

_NAME = "asnet.judge"

_TEXT = f"""
define i64 @"{_NAME}"(ptr %values, i64 %stride, ptr %classes, ptr %dense, i64 %rows, i64 %columns) {{
entry:
  br label %row
row:
  %r = phi i64 [ 0, %entry ], [ %r.next, %judged ]
  %right = phi i64 [ 0, %entry ], [ %right.next, %judged ]
  %distance = mul i64 %r, %stride
  %from = getelementptr inbounds i8, ptr %values, i64 %distance
  %begin = mul i64 %r, %columns
  %to = getelementptr inbounds i32, ptr %dense, i64 %begin
  br label %value
value:
  %c = phi i64 [ 0, %row ], [ %c.next, %value ]
  %best = phi i64 [ 0, %row ], [ %best.next, %value ]
  %most = phi float [ 0xFFF0000000000000, %row ], [ %most.next, %value ]
  %nan = phi i1 [ false, %row ], [ %nan.next, %value ]
  %x.place = getelementptr inbounds float, ptr %from, i64 %c
  %x = load float, ptr %x.place, align 4
  %bits = bitcast float %x to i32
  %x.nan = fcmp uno float %x, %x
  %kept = select i1 %x.nan, i32 2143289344, i32 %bits
  %kept.place = getelementptr inbounds i32, ptr %to, i64 %c
  store i32 %kept, ptr %kept.place, align 4
  %more = fcmp ogt float %x, %most
  %best.next = select i1 %more, i64 %c, i64 %best
  %most.next = select i1 %more, float %x, float %most
  %nan.next = or i1 %nan, %x.nan
  %c.next = add nuw nsw i64 %c, 1
  %again = icmp slt i64 %c.next, %columns
  br i1 %again, label %value, label %judged
judged:
  %class.place = getelementptr inbounds i64, ptr %classes, i64 %r
  %class = load i64, ptr %class.place, align 8
  %same = icmp eq i64 %class, %best.next
  %sane = xor i1 %nan.next, true
  %good = and i1 %same, %sane
  %one = zext i1 %good to i64
  %right.next = add nuw nsw i64 %right, %one
  %r.next = add nuw nsw i64 %r, 1
  %more.rows = icmp slt i64 %r.next, %rows
  br i1 %more.rows, label %row, label %done
done:
  ret i64 %right.next
}}
"""


class NativeJudge:
    """Judges by the greatest value, as :class:`asnet.testbed.judging.Judge` does where the output is several floats."""

    def __init__(self, cache: Cache) -> None:
        address, self._library = link([compile_object(_TEXT, "", cache)], {}, _NAME)
        prototype = ctypes.CFUNCTYPE(
            ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 2
        )
        self._call = prototype(address)

    def __call__(
        self, address: int, stride: int, classes: NDArray[np.int64], dense: NDArray[np.uint32], columns: int
    ) -> int:
        """How many of the rows (``columns`` floats each, ``stride`` bytes apart from ``address`` on; as many as
        ``classes``, at least one) answer their class; ``dense`` gets their bits, every NaN the canonical one."""
        return self._call(address, stride, classes.ctypes.data, dense.ctypes.data, len(classes), columns)
