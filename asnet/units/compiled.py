"""One unit instance compiled to one object file; Verilator's run-time library and a precompiled header beside it.

Everything is cached by content: an object is found again by the instance's digest, the float mode, the tools' versions
and the templates it was made from.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from asnet.cache import Cache, digest
from asnet.errors import ToolError, UnitError
from asnet.resources import render, templates_dir
from asnet.tools import cxx, verilator
from asnet.types import FloatMode
from asnet.units.elaborate import VERILATOR_FLAGS, interface, verilator_error, write_files
from asnet.units.instance import UnitInstance

__all__ = [
    "CXX_FLAGS",
    "C_TYPES",
    "build_key",
    "inner_eval",
    "object_key",
    "prelude",
    "runtime",
    "symbol",
    "unit_object",
]

C_TYPES: Final = {True: "float", False: "int32_t"}
"""C type of operands and results: of float units, and of integer units of any width."""

CXX_FLAGS: Final = shlex.split(
    "-std=c++20 -O2 -fPIC -fvisibility=hidden -fcf-protection=none -ffp-contract=off -pthread -w "
    "-DVERILATOR=1 -DVL_TIME_CONTEXT -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TIMING=0 -DVM_TRACE=0 -DVM_TRACE_FST=0 "
    "-DVM_TRACE_VCD=0 -DVM_TRACE_SAIF=0"
)
_MODEL_FLAGS: Final = shlex.split("--cc -O3 --x-assign 0 --x-initial 0 -Mdir model")
_TOP: Final = "asnet_unit_top"
_PRELUDE: Final = "prelude.h"
_WEAK: Final = "weak.h"
_WEAK_FATAL: Final = "__attribute__((weak)) void vl_fatal(const char*, int, const char*, const char*);\n"


def build_key(parts: Iterable[str]) -> str:
    """A cache key of ``parts``, this machine's Verilator and C++ compiler, and the flags given to them."""
    tool, compiler = verilator.find(), cxx.find()
    return digest(
        [tool.version_text, tool.origin, *compiler.command, compiler.version, *CXX_FLAGS, *_MODEL_FLAGS, *parts]
    )


def _template_digest(*names: str) -> str:
    return digest((templates_dir() / "library" / name).read_bytes() for name in names)


def object_key(instance: UnitInstance, mode: FloatMode) -> str:
    """Cache key of the instance's object file."""
    return build_key([instance.digest, mode, _template_digest("top.v.j2", "unit.cpp.j2")])


def symbol(instance: UnitInstance, mode: FloatMode) -> str:
    """C name of the instance's functions, made from its content."""
    return f"unit_{mode}_{instance.digest[:24]}"


def _include_flags() -> list[str]:
    include = verilator.find().include
    return [f"-I{include}", f"-I{include / 'vltstd'}"]


def prelude(cache: Cache, flags: Sequence[str] = CXX_FLAGS) -> Path:
    """A header that includes Verilator's, precompiled for ``flags``: saves two thirds of an instance's compile time.

    Clang's precompiled headers hold absolute paths and cannot be moved into the cache: with it, a plain header.
    """

    def build(folder: Path) -> None:
        (folder / _PRELUDE).write_text('#include "verilated.h"\n', encoding="utf-8")
        compiler = cxx.find()
        if not compiler.is_gnu:
            return
        compiler.compile([*flags, *_include_flags(), "-x", "c++-header", _PRELUDE, "-o", f"{_PRELUDE}.gch"], folder)

    return cache.get("verilator-prelude", build_key(["prelude", *flags]), build) / _PRELUDE


def runtime(cache: Cache) -> list[Path]:
    """Object files of Verilator's run-time library; its ``vl_fatal``, which ends the process, may be replaced."""
    names = ("verilated", "verilated_threads")

    def build(folder: Path) -> None:
        (folder / _WEAK).write_text(_WEAK_FATAL, encoding="utf-8")
        for name in names:
            source = verilator.find().include / f"{name}.cpp"
            flags = [*CXX_FLAGS, *_include_flags(), "-include", _WEAK]
            cxx.find().compile([*flags, "-c", source, "-o", f"{name}.o"], folder)

    entry = cache.get("verilator-runtime", build_key(["runtime", _WEAK_FATAL]), build)
    return [entry / f"{name}.o" for name in names]


def _top(instance: UnitInstance, mode: FloatMode) -> str:
    """Verilog of a module with ports a, b, y (clk, ce) around the instance, combinational where it has stages."""
    found = interface(instance)
    values = instance.settings(mode)
    widths = {role: found.width(role) for role in found.roles}
    lines = [
        f"{'output' if role == 'y' else 'input'} [{width - 1}:0] {role}" if role in "aby" else f"input {role}"
        for role, width in widths.items()
    ]
    assignments = ", ".join(f".{name}({value})" for name, value in values.items())
    return render(
        "library/top.v.j2",
        name=instance.name,
        top=_TOP,
        ports=[f"{line}," for line in lines[:-1]] + lines[-1:],
        module=instance.module,
        parameters=f"#({assignments})" if assignments else "",
        connections=", ".join(f".{port}({role})" for role, port in found.roles.items()),
    )


def inner_eval(prefix: str, sources: Iterable[Path]) -> str | None:
    """The function behind ``eval_step`` in a model's sources, without its bookkeeping of classes and threads.

    A unit is 1.4 times as fast with it. None if this Verilator writes another.
    """
    inner = f"{prefix}___024root___eval"
    found = any(f"void {inner}({prefix}___024root* vlSelf)" in path.read_text("utf-8") for path in sources)
    return inner if found else None


def _wrapper(instance: UnitInstance, mode: FloatMode, prefix: str, sources: list[Path]) -> str:
    """C++ of the instance's functions, which includes Verilator's sources."""
    found = interface(instance)
    width = found.width("y")
    if instance.type.is_float:
        value = "std::bit_cast<float>(static_cast<uint32_t>(model.rootp->y))"
    elif instance.type.signed:
        value = f"static_cast<int32_t>(static_cast<uint32_t>(model.rootp->y) << {32 - width}) >> {32 - width}"
    else:
        value = "static_cast<int32_t>(model.rootp->y)"
    inner = inner_eval(prefix, sources)
    cycle = ["model.rootp->clk = 0", "step()", "model.rootp->clk = 1", "step()"]
    return render(
        "library/unit.cpp.j2",
        name=instance.name,
        mode=mode,
        prefix=prefix,
        sources=[f"model/{path.name}" for path in sources],
        operand=C_TYPES[instance.type.is_float],
        result=C_TYPES[instance.type.is_float],
        setup=["model.ce = 1"] if "ce" in found.roles else [],
        step=f"{inner}(model.rootp)" if inner is not None else "model.eval_step()",
        actions=cycle * instance.latency if instance.latency else ["step()"],
        later=cycle if "clk" in found.roles else [],
        from_port=value,
        operand_mask=f"0x{(1 << instance.type.width) - 1:X}",
        symbol=symbol(instance, mode),
    )


def _check_library_type(instance: UnitInstance) -> None:
    width = interface(instance).width("y")
    if max(width, instance.type.width) > 32:
        raise UnitError(
            f"unit {instance.name}: {instance.type} operands and {width}-bit results do not fit the function library's "
            "int32; use operands of at most 16 bits"
        )


def _compile(instance: UnitInstance, mode: FloatMode, header: Path, folder: Path) -> Path:
    """Verilate and compile in ``folder``; the object file."""
    prefix = f"U{instance.digest[:16]}"
    names = write_files(instance.files, folder)
    (folder / f"{_TOP}.v").write_text(_top(instance, mode), encoding="utf-8")
    flags = [*_MODEL_FLAGS, *VERILATOR_FLAGS, "--top-module", _TOP, "--prefix", prefix]
    good, log = verilator.find().attempt([*flags, f"{_TOP}.v", *names], folder)
    if not good:
        raise verilator_error(instance, log)
    sources = sorted((folder / "model").glob("*.cpp"))
    (folder / "unit.cpp").write_text(_wrapper(instance, mode, prefix, sources), encoding="utf-8")
    includes = ["-include", header, *_include_flags(), "-I.", "-Imodel"]
    try:
        cxx.find().compile([*CXX_FLAGS, *includes, "-c", "unit.cpp", "-o", "unit.o"], folder)
    except ToolError as error:
        raise ToolError(f"unit {instance.name}: {error}") from error
    return folder / "unit.o"


def unit_object(instance: UnitInstance, mode: FloatMode, cache: Cache, header: Path) -> Path:
    """The object file of ``instance`` in float mode ``mode``, compiled unless the cache has it.

    Raises:
        UnitError: its Verilog does not compile or does not fit its operation.
        ToolError: the C++ compiler fails.
    """

    def build(folder: Path) -> None:
        _check_library_type(instance)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _compile(instance, mode, header, Path(work)).rename(folder / "unit.o")

    return cache.get("unit-objects", object_key(instance, mode), build) / "unit.o"
