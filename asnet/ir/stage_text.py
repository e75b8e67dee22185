"""The LLVM IR of the functions that run one stage each on a number of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from asnet.ir.attributes import function_attributes
from asnet.ir.module import Call, Memory, MemoryKind, Module
from asnet.ir.stages import Stages

__all__ = ["stage_function", "stage_text"]


def stage_function(number: int) -> str:
    """The name of stage ``number``: ``void (ptr blobs, ptr scratch, ptr constants, i64 first, i64 images)``.

    ``blobs`` is a table of the addresses of the blobs, ``constants`` one of the constants' addresses.
    """
    return f"asnet.stage.{number}"


def stage_text(
    module: Module,
    stages: Stages,
    declarations: Sequence[str],
    constants: Mapping[str, int],
    invoke: Callable[[Call, Sequence[str]], str],
) -> str:
    """Definitions of all stages; ``invoke`` is the text of a call of a layer's function with these pointers."""
    parts = [*declarations]
    for number in range(len(stages)):
        parts += _stage(module, stages, number, constants, invoke)
    return "\n".join(parts)


def _stage(
    module: Module,
    stages: Stages,
    number: int,
    constants: Mapping[str, int],
    invoke: Callable[[Call, Sequence[str]], str],
) -> list[str]:
    attributes = " ".join(sorted(function_attributes(module.mode)))
    arguments = "ptr %blobs, ptr %scratch, ptr %constants, i64 %first, i64 %images"
    lines = [f'define void @"{stage_function(number)}"({arguments}) {attributes} {{', "entry:"]
    touched = (*stages.reads[number], number + 1)
    for blob in touched:
        lines += [
            f"  %blob.{blob}.entry = getelementptr inbounds ptr, ptr %blobs, i64 {blob}",
            f"  %blob.{blob} = load ptr, ptr %blob.{blob}.entry",
        ]
    lines += [
        "  %end = add i64 %first, %images",
        "  %some = icmp sgt i64 %images, 0",
        "  br i1 %some, label %image, label %done",
        "image:",
        "  %index = phi i64 [ %first, %entry ], [ %successor, %image ]",
    ]
    for blob in touched:
        lines += [
            f"  %distance.{blob} = mul i64 %index, {stages.strides[blob]}",
            f"  %part.{blob} = getelementptr inbounds i8, ptr %blob.{blob}, i64 %distance.{blob}",
        ]
    for call in stages.calls[number]:
        pointers: list[str] = []
        for position, name in enumerate(module.calls[call].arguments):
            pointers.append(pointer := f"%place.{call}.{position}")
            lines += _place(pointer, module.memories[name], stages, constants)
        lines.append(f"  {invoke(module.calls[call], pointers)}")
    return [
        *lines,
        "  %successor = add nuw nsw i64 %index, 1",
        "  %again = icmp slt i64 %successor, %end",
        "  br i1 %again, label %image, label %done",
        "done:",
        "  ret void",
        "}",
    ]


def _place(pointer: str, memory: Memory, stages: Stages, constants: Mapping[str, int]) -> list[str]:
    if memory.kind is MemoryKind.CONSTANT:
        return [
            f"  {pointer}.entry = getelementptr inbounds ptr, ptr %constants, i64 {constants[memory.name]}",
            f"  {pointer} = load ptr, ptr {pointer}.entry",
        ]
    place = stages.places[memory.name]
    base = "%scratch" if place.blob is None else f"%part.{place.blob}"
    return [f"  {pointer} = getelementptr inbounds i8, ptr {base}, i64 {place.offset}"]
