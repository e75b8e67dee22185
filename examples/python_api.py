"""The whole flow from Python: explore a network with shipped units and one of your own, then synthesise the best.

Run it from anywhere: ``python examples/python_api.py`` (about half a minute the first time: units are compiled).
"""

import sys
import tempfile
from pathlib import Path

import asnet

HERE = Path(__file__).resolve().parent


def main(work: Path) -> None:
    """Explore and synthesise, writing the study and the design below ``work``."""
    network = asnet.load(HERE / "networks" / "digits_dense.onnx")
    data = asnet.Dataset.load(HERE / "networks" / "digits_test.npz")

    mine = asnet.ApproximateUnit.from_verilog(HERE / "own_unit" / "mitchell_fmul.v", op="fmul")
    shipped = asnet.ApproximateUnit.shipped("fmul_trunc").instances({"p": [16, 20]})
    problem = asnet.Problem.of(network, data, [mine, shipped], limits={"accuracy": asnet.Limit(min=0.96)})
    print(f"{problem.space.size} configurations of {len(problem.slots)} slots")

    with asnet.explore(problem, work / "digits.study") as study:
        results = study.results()
        for result in results:
            print(f"{result.label}: {result.accuracy:.2%}, area {result.cost.area}")
        chosen = asnet.best(results, problem.objectives, problem.limits)

    made = asnet.synth(problem, problem.space[chosen.position], out=work / "rtl", images=5)
    print(f"best: {chosen.label}")
    print(f"co-simulated {made.cosim.images} images bit for bit, {made.design.cycles:,} cycles an image")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder))
