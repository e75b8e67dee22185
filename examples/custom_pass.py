"""An IR pass of your own: divisions by a constant become multiplications by its reciprocal.

``digits_conv`` has none, so this example builds a network with an average pooling (a division by 4) to show it:
``python examples/custom_pass.py``.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx
from llvmlite import ir

import asnet
from asnet import passes
from asnet.ir import Module, Site


@passes.register
@dataclass(frozen=True)
class ReciprocalDivision(passes.Pass):
    """Replace divisions by a constant with multiplications by its reciprocal."""

    name: ClassVar[str] = "reciprocal-division"
    exact_only: bool = True  # only where the reciprocal is a power of two, so that no bit changes

    def apply(self, module: Module) -> Module:
        """Rewrite the sites whose divisor is a constant."""

        def rule(site: Site, builder: ir.IRBuilder) -> ir.Value | None:
            if site.op != "fdiv" or not isinstance(site.instruction.operands[1], ir.Constant):
                return None
            divisor = np.float32(site.instruction.operands[1].constant)
            if self.exact_only and np.frexp(divisor)[0] != 0.5:
                return None
            reciprocal = ir.Constant(ir.FloatType(), float(np.float32(1) / divisor))
            product = builder.fmul(site.instruction.operands[0], reciprocal, name="scaled")
            passes.mark_site(product, like=site)
            return product

        return passes.rewrite(module, rule)


def pooling_network() -> bytes:
    """A network of one average pooling, 1x1x8x8 to 1x1x4x4, and a dense layer."""
    make = onnx.helper
    weights = np.random.default_rng(0).standard_normal((10, 16)).astype(np.float32)
    graph = make.make_graph(
        [
            make.make_node("AveragePool", ["x"], ["pooled"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
            make.make_node("Flatten", ["pooled"], ["flat"], name="flatten"),
            make.make_node("Gemm", ["flat", "weights"], ["y"], name="dense", transB=1),
        ],
        "pooling",
        [make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 1, 8, 8])],
        [make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 10])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opset = [make.make_opsetid("", 17)]
    return make.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def main() -> None:
    """Show the slots of the network without and with the pass, and that no bit of its outputs changes."""
    network = asnet.load(pooling_network())
    images = np.random.default_rng(1).random((20, 1, 8, 8), dtype=np.float32)
    data = asnet.Dataset.from_arrays(images, np.zeros(20, dtype=np.int64))
    digests: list[str] = []
    for steps in ([], [ReciprocalDivision()]):
        problem = asnet.Problem.of(network, data, passes=steps)
        bed = problem.bed([])
        found = bed.evaluate({slot.name: "exact" for slot in bed.slots})
        digests.append(found.digest)
        print([str(step) for step in steps], {slot.name: slot.count for slot in bed.slots})
    print("same outputs, bit for bit" if digests[0] == digests[1] else "outputs differ")


if __name__ == "__main__":
    main()
