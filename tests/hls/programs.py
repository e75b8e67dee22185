"""Kernels written by hand, each for what a compiler gets wrong: all of them run both ways in one design."""

from __future__ import annotations

from asnet.ir import MemoryKind
from tests.hls.kernels import Argument, Program

IN, OUT, RAM = MemoryKind.INPUT, MemoryKind.OUTPUT, MemoryKind.ACTIVATION


def element_wise(
    name: str, element: str, body: str, result: str | None = None, size: int = 16, second: MemoryKind = IN
) -> Program:
    """A loop over ``x`` and ``y``, a memory of kind ``second``, that stores %r computed from %a and %b."""
    result = result or element
    arguments = (
        Argument("x", IN, element, size),
        Argument("y", second, element, size),
        Argument("z", OUT, result, size),
    )
    return Program(
        name,
        arguments,
        f"""  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %px = getelementptr {element}, ptr %x, i64 %i
  %py = getelementptr {element}, ptr %y, i64 %i
  %pz = getelementptr {result}, ptr %z, i64 %i
  %a = load {element}, ptr %px, align 1
  %b = load {element}, ptr %py, align 1
{body}
  store {result} %r, ptr %pz, align 1
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, {size}
  br i1 %c, label %loop, label %done
done:
  ret void""",
    )


def lines(*texts: str) -> str:
    """Instructions, one a line."""
    return "\n".join(f"  {line}" for line in texts)


PREDICATES = ["oeq", "ogt", "oge", "olt", "ole", "one", "ord", "uno", "ueq", "ugt", "uge", "ult", "ule", "une"]
ORDERS = ["eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge"]


def _all_predicates(name: str, element: str, opcode: str, predicates: list[str]) -> Program:
    """Every comparison of %a and %b as one bit of an i32."""
    steps: list[str] = []
    total = "0"
    for position, predicate in enumerate(predicates):
        steps += [
            f"%p{position} = {opcode} {predicate} {element} %a, %b",
            f"%z{position} = zext i1 %p{position} to i32",
            f"%s{position} = shl i32 %z{position}, {position}",
            f"%t{position} = or i32 {total}, %s{position}",
        ]
        total = f"%t{position}"
    return element_wise(name, element, lines(*steps, f"%r = or i32 {total}, 0"), "i32")


DOT = Program(
    "dot",
    (Argument("x", IN, "float", 12), Argument("y", IN, "float", 12), Argument("z", OUT, "float", 1)),
    """  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %s = phi float [ 1.5, %entry ], [ %t, %loop ]
  %px = getelementptr float, ptr %x, i64 %i
  %py = getelementptr float, ptr %y, i64 %i
  %a = load float, ptr %px
  %b = load float, ptr %py
  %p = fmul float %a, %b
  %t = fadd float %s, %p
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, 12
  br i1 %c, label %loop, label %done
done:
  store float %t, ptr %z
  ret void""",
)

TRANSPOSED_PRODUCT = Program(
    "matrix",
    (Argument("x", IN, "float", 15), Argument("y", IN, "float", 20), Argument("z", OUT, "float", 12)),
    """  br label %rows
rows:
  %i = phi i64 [ 0, %entry ], [ %in, %rows.end ]
  br label %columns
columns:
  %j = phi i64 [ 0, %rows ], [ %jn, %columns.end ]
  br label %sum
sum:
  %k = phi i64 [ 0, %columns ], [ %kn, %sum ]
  %s = phi float [ 0.0, %columns ], [ %t, %sum ]
  %xo = mul nuw nsw i64 %i, 5
  %xk = add nuw nsw i64 %xo, %k
  %yo = mul nuw nsw i64 %k, 4
  %yk = add nuw nsw i64 %yo, %j
  %px = getelementptr float, ptr %x, i64 %xk
  %py = getelementptr float, ptr %y, i64 %yk
  %a = load float, ptr %px
  %b = load float, ptr %py
  %p = fmul float %a, %b
  %t = fsub float %p, %s
  %kn = add nuw nsw i64 %k, 1
  %kc = icmp ult i64 %kn, 5
  br i1 %kc, label %sum, label %columns.end
columns.end:
  %zo = shl nuw nsw i64 %i, 2
  %zk = add nuw nsw i64 %zo, %j
  %pz = getelementptr float, ptr %z, i64 %zk
  store float %t, ptr %pz
  %jn = add nuw nsw i64 %j, 1
  %jc = icmp ult i64 %jn, 4
  br i1 %jc, label %columns, label %rows.end
rows.end:
  %in = add nuw nsw i64 %i, 1
  %ic = icmp ult i64 %in, 3
  br i1 %ic, label %rows, label %done
done:
  ret void""",
)

SWAP_PHIS = Program(
    "swap",
    (Argument("x", IN, "i32", 8), Argument("z", OUT, "i32", 16)),
    """  %pb = getelementptr i32, ptr %x, i64 1
  %a0 = load i32, ptr %x
  %b0 = load i32, ptr %pb
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %a = phi i32 [ %a0, %entry ], [ %b, %loop ]
  %b = phi i32 [ %b0, %entry ], [ %sum, %loop ]
  %sum = add i32 %a, %b
  %pz = getelementptr i32, ptr %z, i64 %i
  store i32 %a, ptr %pz
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, 16
  br i1 %c, label %loop, label %done
done:
  ret void""",
)

LAST_BUT_ONE = Program(
    "last_but_one",  # what the loop leaves is there before its last operation begins
    (Argument("x", IN, "float", 4), Argument("z", OUT, "float", 2)),
    """  %a = load float, ptr %x
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %v = phi float [ %a, %entry ], [ %w, %loop ]
  %w = fadd float %v, %v
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, 5
  br i1 %c, label %loop, label %done
done:
  %q = getelementptr float, ptr %z, i64 1
  store float %v, ptr %z
  store float %a, ptr %q
  ret void""",
)

PREFIX_SUM = Program(
    "prefix",
    (Argument("x", IN, "float", 9), Argument("s", RAM, "float", 10), Argument("z", OUT, "float", 9)),
    """  store float 0.0, ptr %s
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %px = getelementptr float, ptr %x, i64 %i
  %a = load float, ptr %px
  %ps = getelementptr float, ptr %s, i64 %i
  %before = load float, ptr %ps
  %after = fadd float %before, %a
  %n = add nuw nsw i64 %i, 1
  %pn = getelementptr float, ptr %s, i64 %n
  store float %after, ptr %pn
  %again = load float, ptr %pn
  %pz = getelementptr float, ptr %z, i64 %i
  store float %again, ptr %pz
  store float %a, ptr %ps
  %c = icmp ult i64 %n, 9
  br i1 %c, label %loop, label %done
done:
  ret void""",
)

WALK = Program(
    "walk",
    (Argument("x", IN, "i32", 16), Argument("z", OUT, "i32", 9)),
    """  %p0 = getelementptr i32, ptr %x, i64 2
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %p = phi ptr [ %p0, %entry ], [ %q, %loop ]
  %s = phi i32 [ 5, %entry ], [ %t, %loop ]
  %a = load i32, ptr %p, align 4
  %t = add i32 %a, %s
  %o = and i32 %t, 7
  %o64 = zext i32 %o to i64
  %q = getelementptr i32, ptr %x, i64 %o64
  %pz = getelementptr i32, ptr %z, i64 %i
  store i32 %t, ptr %pz
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, 9
  br i1 %c, label %loop, label %done
done:
  ret void""",
)

ONLY_CARRIED = Program(
    "only_carried",
    (Argument("x", IN, "float", 8), Argument("s", RAM, "float", 8), Argument("z", OUT, "float", 8)),
    """  %a = load float, ptr %x
  br label %copy
copy:
  %i = phi i64 [ 0, %entry ], [ %in, %copy ]
  %px = getelementptr float, ptr %x, i64 %i
  %ps = getelementptr float, ptr %s, i64 %i
  %b = load float, ptr %px
  store float %b, ptr %ps
  %in = add nuw nsw i64 %i, 1
  %ic = icmp ult i64 %in, 8
  br i1 %ic, label %copy, label %turn
turn:
  %j = phi i64 [ 0, %copy ], [ %jn, %turn ]
  %v = phi float [ %a, %copy ], [ 3.0, %turn ]
  %jn = add nuw nsw i64 %j, 1
  %jc = icmp ult i64 %jn, 3
  br i1 %jc, label %turn, label %sum
sum:
  %k = phi i64 [ 0, %turn ], [ %kn, %sum ]
  %pk = getelementptr float, ptr %s, i64 %k
  %c = load float, ptr %pk
  %d = fadd float %c, %v
  %pz = getelementptr float, ptr %z, i64 %k
  store float %d, ptr %pz
  %kn = add nuw nsw i64 %k, 1
  %kc = icmp ult i64 %kn, 8
  br i1 %kc, label %sum, label %done
done:
  ret void""",
)

LEAVES = Program(
    "leaves",  # a pointer that begins in one memory and goes on in another
    (Argument("x", IN, "i32", 16), Argument("y", IN, "i32", 16), Argument("z", OUT, "i32", 16)),
    """  %px = getelementptr i32, ptr %x, i64 7
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %p = phi ptr [ %px, %entry ], [ %py, %loop ]
  %v = load i32, ptr %p
  %pz = getelementptr i32, ptr %z, i64 %i
  store i32 %v, ptr %pz
  %py = getelementptr i32, ptr %y, i64 %i
  %n = add nuw nsw i64 %i, 1
  %e = icmp ult i64 %n, 16
  br i1 %e, label %loop, label %done
done:
  ret void""",
)

JOINED_PLACES = Program(
    "joined",
    (Argument("x", IN, "i32", 16), Argument("y", IN, "i32", 16), Argument("z", OUT, "i32", 16)),
    """  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %join ]
  %px = getelementptr i32, ptr %x, i64 %i
  %py = getelementptr i32, ptr %y, i64 %i
  %a = load i32, ptr %px
  %c = icmp sgt i32 %a, 3
  br i1 %c, label %more, label %other
more:
  %d = icmp sgt i32 %a, 100
  %o = xor i64 %i, 3
  %pv = getelementptr i32, ptr %x, i64 %o
  store i32 %a, ptr %z
  br i1 %d, label %join, label %other
other:
  %pu = phi ptr [ %py, %loop ], [ %pv, %more ]
  %u = load i32, ptr %pu
  br label %join
join:
  %p = phi ptr [ %y, %more ], [ %px, %other ]
  %b = phi i32 [ %a, %more ], [ %u, %other ]
  %q = getelementptr i32, ptr %p, i64 0
  %v = load i32, ptr %q
  %r = sub i32 %b, %v
  %pz = getelementptr i32, ptr %z, i64 %i
  store i32 %r, ptr %pz
  %n = add nuw nsw i64 %i, 1
  %e = icmp ult i64 %n, 16
  br i1 %e, label %loop, label %done
done:
  ret void""",
)

SORT = Program(
    "sort",
    (Argument("x", IN, "i32", 6), Argument("z", OUT, "i32", 6)),
    """  br label %copy
copy:
  %k = phi i64 [ 0, %entry ], [ %kn, %copy ]
  %px = getelementptr i32, ptr %x, i64 %k
  %v = load i32, ptr %px
  %pz = getelementptr i32, ptr %z, i64 %k
  store i32 %v, ptr %pz
  %kn = add nuw nsw i64 %k, 1
  %kc = icmp ult i64 %kn, 6
  br i1 %kc, label %copy, label %outer
outer:
  %i = phi i64 [ 0, %copy ], [ %in, %outer.end ]
  br label %inner
inner:
  %j = phi i64 [ 0, %outer ], [ %jn, %inner.end ]
  %jn = add nuw nsw i64 %j, 1
  %p = getelementptr i32, ptr %z, i64 %j
  %q = getelementptr i32, ptr %z, i64 %jn
  %a = load i32, ptr %p
  %b = load i32, ptr %q
  %wrong = icmp sgt i32 %a, %b
  br i1 %wrong, label %swap, label %inner.end
swap:
  store i32 %b, ptr %p
  store i32 %a, ptr %q
  br label %inner.end
inner.end:
  %jc = icmp ult i64 %jn, 5
  br i1 %jc, label %inner, label %outer.end
outer.end:
  %in = add nuw nsw i64 %i, 1
  %ic = icmp ult i64 %in, 5
  br i1 %ic, label %outer, label %done
done:
  ret void""",
)

COLLATZ = Program(
    "collatz",
    (Argument("x", IN, "i32", 4), Argument("z", OUT, "i32", 4)),
    """  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %in, %each.end ]
  %px = getelementptr i32, ptr %x, i64 %i
  %v = load i32, ptr %px
  %m = and i32 %v, 63
  %start = add i32 %m, 1
  br label %step
step:
  %w = phi i32 [ %start, %each ], [ %next, %step.end ]
  %count = phi i32 [ 0, %each ], [ %count.n, %step.end ]
  %bit = and i32 %w, 1
  %odd = icmp ne i32 %bit, 0
  br i1 %odd, label %up, label %down
up:
  %triple = mul i32 %w, 3
  %plus = add i32 %triple, 1
  br label %step.end
down:
  %half = lshr i32 %w, 1
  br label %step.end
step.end:
  %next = phi i32 [ %plus, %up ], [ %half, %down ]
  %count.n = add i32 %count, 1
  %one = icmp eq i32 %next, 1
  %long = icmp ugt i32 %count.n, 200
  %stop = or i1 %one, %long
  br i1 %stop, label %each.end, label %step
each.end:
  %pz = getelementptr i32, ptr %z, i64 %i
  store i32 %count.n, ptr %pz
  %in = add nuw nsw i64 %i, 1
  %ic = icmp ult i64 %in, 4
  br i1 %ic, label %each, label %done
done:
  ret void""",
)

DOWNWARDS = Program(
    "downwards",
    (Argument("x", IN, "float", 8), Argument("z", OUT, "float", 8)),
    """  br label %loop
loop:
  %i = phi i64 [ 7, %entry ], [ %n, %loop ]
  %px = getelementptr float, ptr %x, i64 %i
  %a = load float, ptr %px
  %r = sub nsw i64 7, %i
  %pz = getelementptr float, ptr %z, i64 %r
  store float %a, ptr %pz
  %n = add nsw i64 %i, -1
  %c = icmp sgt i64 %i, 0
  br i1 %c, label %loop, label %done
done:
  ret void""",
)

PROGRAMS = (
    element_wise("vector_add", "float", lines("%r = fadd float %a, %b")),
    element_wise("divide", "float", lines("%r = fdiv float %a, %b")),
    element_wise("negate", "float", lines("%m = fneg float %a", "%r = fsub float %b, %m")),
    element_wise(
        "leaky",
        "float",
        lines("%c0 = fcmp olt float %a, 0.0", "%s = fmul float %a, %b", "%r = select i1 %c0, float %s, float %a"),
    ),
    _all_predicates("float_orders", "float", "fcmp", PREDICATES),
    _all_predicates("integer_orders", "i32", "icmp", ORDERS),
    _all_predicates("byte_orders", "i8", "icmp", ORDERS),
    element_wise("wrap", "i32", lines("%p = mul i32 %a, %b", "%q = sub i32 %p, %b", "%r = xor i32 %q, %a")),
    element_wise(
        "places",
        "i32",
        lines(
            "%t = icmp sgt i32 %a, 3",
            "%s = icmp slt i32 %b, 0",
            "%o = xor i64 %i, 5",
            "%pu = getelementptr i32, ptr %x, i64 %o",
            "%pv = select i1 %t, ptr %py, ptr %pu",
            "%pw = select i1 %t, ptr %pu, ptr %px",
            "%pr = select i1 %s, ptr %x, ptr %pv",
            "%v = load i32, ptr %pv",
            "%w = load i32, ptr %pw",
            "%q = load i32, ptr %pr",
            "%m = mul i32 %v, 3",
            "%k = xor i32 %m, %w",
            "%r = add i32 %k, %q",
        ),
    ),
    element_wise(
        "shifts",
        "i32",
        lines(
            "%k = and i32 %b, 31",
            "%l = shl i32 %a, %k",
            "%m = lshr i32 %a, %k",
            "%o = ashr i32 %a, %k",
            "%p = ashr i32 %b, 7",
            "%q = lshr i32 %b, 29",
            "%s = add i32 %l, %m",
            "%t = xor i32 %s, %o",
            "%u = sub i32 %t, %p",
            "%r = add i32 %u, %q",
        ),
    ),
    element_wise(
        "bytes",
        "i8",
        lines(
            "%ea = sext i8 %a to i32",
            "%eb = zext i8 %b to i32",
            "%p = mul i32 %ea, %eb",
            "%h = ashr i32 %p, 3",
            "%less = icmp slt i8 %a, %b",
            "%z1 = sext i1 %less to i32",
            "%r = add i32 %h, %z1",
        ),
        "i32",
    ),
    element_wise(
        "clamp",
        "i32",
        lines(
            "%h = ashr i32 %a, 20",
            "%lo = icmp slt i32 %h, -100",
            "%v = select i1 %lo, i32 -100, i32 %h",
            "%hi = icmp sgt i32 %v, 100",
            "%w = select i1 %hi, i32 100, i32 %v",
            "%neg = sub i32 0, %b",
            "%pos = icmp slt i32 %b, 0",
            "%abs = select i1 %pos, i32 %neg, i32 %b",
            "%low = icmp ult i32 %w, %abs",
            "%r = select i1 %low, i32 %w, i32 %abs",
        ),
    ),
    element_wise(
        "conversions",
        "i32",
        lines("%f = sitofp i32 %a to float", "%g = uitofp i32 %b to float", "%r = fadd float %f, %g"),
        "float",
    ),
    element_wise(
        "to_integer",
        "float",
        lines(
            "%s1 = fcmp olt float %a, 2.0e+09",
            "%s2 = fcmp ogt float %a, -2.0e+09",
            "%s = and i1 %s1, %s2",
            "%v = select i1 %s, float %a, float 3.0",
            "%i1 = fptosi float %v to i32",
            "%m = bitcast float %v to i32",
            "%m2 = and i32 %m, 2147483647",
            "%u = bitcast i32 %m2 to float",
            "%i2 = fptoui float %u to i32",
            "%r = xor i32 %i1, %i2",
        ),
        "i32",
    ),
    element_wise(
        "signs",  # LLVM makes it llvm.copysign
        "i32",
        lines("%f = sitofp i32 %a to float", "%r = fmul float %f, 0.0"),
        "float",
    ),
    DOT,
    TRANSPOSED_PRODUCT,
    SWAP_PHIS,
    LAST_BUT_ONE,
    PREFIX_SUM,
    JOINED_PLACES,
    LEAVES,
    ONLY_CARRIED,
    WALK,
    SORT,
    COLLATZ,
    DOWNWARDS,
)
