"""``@asnet.run``: all layers in order, for a number of images."""

from __future__ import annotations

from llvmlite import ir

from asnet.ir.attributes import function_attributes
from asnet.ir.module import RUN_FUNCTION, MemoryKind, Module
from asnet.lower.builder import I8, I64

__all__ = ["emit_run"]


def emit_run(module: Module) -> None:
    """Define ``void @asnet.run(ptr input, ptr output, ptr activation, ptr constant, i64 images, i64 first)``.

    Calls number ``first`` and later of the module's calls run for each image; image ``i`` has its blobs ``i`` strides
    after the pointers, the constants are shared.
    """
    pointer = ir.PointerType()
    signature = ir.FunctionType(ir.VoidType(), [*[pointer] * len(MemoryKind), I64, I64])
    function = ir.Function(module.llvm, signature, RUN_FUNCTION)
    function.attributes = function_attributes(module.mode)
    names = [*MemoryKind, "images", "first"]
    for argument, name in zip(function.args, names, strict=True):
        argument.name = str(name)
    *blobs, images, first = function.args

    entry, image, done = (function.append_basic_block(name) for name in ("entry", "image", "done"))
    builder = ir.IRBuilder(entry)
    builder.cbranch(builder.icmp_signed(">", images, I64(0)), image, done)

    builder.position_at_end(image)
    index = builder.phi(I64, "index")
    index.add_incoming(I64(0), entry)
    bases: dict[MemoryKind, ir.Value] = {}
    for kind, blob in zip(MemoryKind, blobs, strict=True):
        if kind is MemoryKind.CONSTANT:
            bases[kind] = blob
        else:
            distance = builder.mul(index, I64(module.blob_size(kind)))
            bases[kind] = builder.gep(blob, [distance], inbounds=True, source_etype=I8)
    for number, call in enumerate(module.calls):
        layer, following = function.append_basic_block("layer"), function.append_basic_block("skip")
        builder.cbranch(builder.icmp_signed("<=", first, I64(number)), layer, following)
        builder.position_at_end(layer)
        arguments = [
            builder.gep(bases[memory.kind], [I64(memory.offset)], inbounds=True, source_etype=I8)
            for memory in (module.memories[name] for name in call.arguments)
        ]
        builder.call(module.llvm.get_global(call.function), arguments)
        builder.branch(following)
        builder.position_at_end(following)
    successor = builder.add(index, I64(1))
    index.add_incoming(successor, builder.block)
    builder.cbranch(builder.icmp_signed("<", successor, images), image, done)

    builder.position_at_end(done)
    builder.ret_void()
