"""Designs as values, of layers that run one after the other: lint, determinism, streams, faults, folders."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import DataError, MismatchError, OutputError, SynthesisError
from asnet.hls.simulate import Simulation
from asnet.ir import MemoryKind, Module
from asnet.types import Array, FloatMode
from tests.hls.kernels import Argument, PassingCache, Program, jit_values, module_of, random_inputs
from tests.hls.programs import DOT, PREFIX_SUM, element_wise, lines

WEIGHTED = Program(
    "weighted",
    (
        Argument("x", MemoryKind.INPUT, "float", 4),
        Argument("w", MemoryKind.CONSTANT, "float", 12),
        Argument("z", MemoryKind.OUTPUT, "float", 12),
    ),
    """  br label %rows
rows:
  %i = phi i64 [ 0, %entry ], [ %in, %rows.end ]
  br label %columns
columns:
  %j = phi i64 [ 0, %rows ], [ %jn, %columns ]
  %o = mul nuw nsw i64 %i, 4
  %k = add nuw nsw i64 %o, %j
  %px = getelementptr float, ptr %x, i64 %j
  %pw = getelementptr float, ptr %w, i64 %k
  %pz = getelementptr float, ptr %z, i64 %k
  %a = load float, ptr %px
  %b = load float, ptr %pw
  %p = fmul float %a, %b
  store float %p, ptr %pz
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
PROGRAMS = (element_wise("double", "float", lines("%r = fadd float %a, %a")), WEIGHTED, DOT, PREFIX_SUM)
SEQUENTIAL = hls.HlsOptions(style=hls.Style.SEQUENTIAL)
CONSTANTS = {"weighted.w": np.linspace(-2, 3, 12, dtype=np.float32)}


@pytest.fixture(scope="module")
def module() -> Module:
    return module_of(PROGRAMS, FloatMode.FTZ, CONSTANTS)


@pytest.fixture(scope="module")
def design(module: Module) -> hls.RtlDesign:
    return hls.synthesise(module, name="four layers", options=SEQUENTIAL)


@pytest.fixture(scope="module")
def images(module: Module) -> Mapping[str, Array]:
    inputs = random_inputs(module, 8, 3)
    return {name: np.where(np.isfinite(values) & (values != 0), values, 1) for name, values in inputs.items()}


@pytest.fixture(scope="module")
def expected(module: Module, images: Mapping[str, Array]) -> Mapping[str, Array]:
    return jit_values(module, images, default_cache())


def cosimulate(
    design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array], **how: object
) -> hls.CosimReport:
    return hls.cosimulate(design, images, expected, cache=default_cache(), **how)  # pyright: ignore


@pytest.mark.usefixtures("simulator")
class TestSimulation:
    @pytest.mark.parametrize("how", [{}, {"stalls": True}, {"through": "memory"}], ids=["stream", "stalls", "memory"])
    def test_every_way_in_gives_the_same_bits(
        self, design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array], how: dict[str, object]
    ) -> None:
        seen: list[tuple[int, int]] = []
        report = cosimulate(design, images, expected, progress=lambda *now: seen.append(now), **how)
        report.raise_if_different()
        assert report.mismatch is None and report.words == sum(values.size for values in expected.values())
        assert seen[-1] == (8, 8)

    def test_memories_of_some_images_are_enough(self) -> None:
        """Outputs of all images are compared, other memories of images evenly spread, to the last."""
        module = module_of([PREFIX_SUM], FloatMode.FTZ)
        design = hls.synthesise(module, options=SEQUENTIAL)
        images = random_inputs(module, 8, 3)
        expected = jit_values(module, images, default_cache())
        (inner,) = (name for name in expected if module.memories[name].kind is MemoryKind.ACTIVATION)
        seen: list[tuple[int, int]] = []
        report = cosimulate(design, images, expected, watched=3, progress=lambda *now: seen.append(now))
        report.raise_if_different()
        assert (report.images, report.watched, len(report.cycles), seen[-1]) == (8, 3, 3, (8, 8))
        assert report.words == sum(values[: 3 if name == inner else 8].size for name, values in expected.items())
        wrong = {**expected, inner: expected[inner].copy()}
        wrong[inner][[1, 7], 0] += 1
        found = [cosimulate(design, images, wrong, watched=count).mismatch for count in (8, 2, 1)]
        assert [mismatch and mismatch.image for mismatch in found] == [1, 7, None]

    def test_the_cycles_are_the_promised_ones(
        self, design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> None:
        report = cosimulate(design, images, expected)
        assert design.cycles_exact
        assert (report.cycles_min, report.cycles_max) == (design.cycles, design.cycles)

    def test_bad_frames_are_dropped(self, design: hls.RtlDesign, images: Mapping[str, Array]) -> None:
        simulation = Simulation(design, default_cache())
        inputs = [memory.memory.name for memory in design.memories if memory.memory.kind is MemoryKind.INPUT]
        words = np.concatenate([images[name].view(np.uint32) for name in inputs], axis=1)
        good = simulation.run(words)
        after = simulation.run(words, bad_frames=True)
        assert np.array_equal(good.stream, after.stream)

    def test_few_cycles_are_not_worth_optimising(
        self, design: hls.RtlDesign, images: Mapping[str, Array], tmp_path: Path
    ) -> None:
        """What runs few cycles is compiled fast; what is compiled well serves them too. The results are the same."""
        inputs = [memory.memory.name for memory in design.memories if memory.memory.kind is MemoryKind.INPUT]
        words = np.concatenate([images[name].view(np.uint32) for name in inputs], axis=1)
        cache = PassingCache(tmp_path)
        results = [Simulation(design, cache, cycles=cycles).run(words) for cycles in (100, 100_000_000, 100)]
        assert all(np.array_equal(result.stream, results[0].stream) for result in results)
        assert len(list((tmp_path / "simulations").glob("*/*"))) == 2

    def test_subnormal_inputs_are_flushed(
        self, design: hls.RtlDesign, module: Module, images: Mapping[str, Array]
    ) -> None:
        tiny = {name: np.full_like(values, -1e-40) for name, values in images.items()}
        flushed = {name: np.full_like(values, -0.0) for name, values in images.items()}
        for through in ("stream", "memory"):
            expected = jit_values(module, flushed, default_cache())
            cosimulate(design, tiny, expected, through=through).raise_if_different()

    def test_a_changed_weight_is_found(
        self, design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> None:
        (path,) = (name for name in design.files if name.startswith("rom/"))
        words = design.files[path].splitlines()
        words[6] = f"{int(words[6], 16) ^ 1 << 20:08x}"
        changed = replace(design, files={**design.files, path: "\n".join(words) + "\n"})
        found = cosimulate(changed, images, expected).mismatch
        assert found is not None
        assert (found.layer, found.memory, found.image, found.index) == ("weighted", "weighted.z", 0, (6,))
        with pytest.raises(MismatchError, match=r"layer 'weighted', image 0, weighted\.z\[6\]: the test bed has "):
            cosimulate(changed, images, expected).raise_if_different()

    def test_a_changed_unit_is_found(
        self, design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> None:
        unit = design.files["units/fadd.v"]
        changed = replace(design, files={**design.files, "units/fadd.v": unit.replace("sa ^ sb", "sa & sb")})
        found = cosimulate(changed, images, expected).mismatch
        assert found is not None and found.layer in ("double", "dot")

    def test_a_design_that_hangs_is_stopped(
        self, design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> None:
        path = "rtl/layer_dot.v"
        assert "done <= ~reset" in design.files[path]
        changed = replace(
            design, files={**design.files, path: design.files[path].replace("done <= ~reset", "done <= 1'b0")}
        )
        with pytest.raises(
            MismatchError, match=r"co-simulation of 'four_layers' stopped: the design (does not finish|stays busy)"
        ):
            cosimulate(changed, images, expected)

    def test_lint_finds_what_is_wrong(self, design: hls.RtlDesign) -> None:
        hls.lint(design)
        path = f"rtl/{design.top}.v"
        changed = replace(
            design, files={**design.files, path: design.files[path].replace("[31:0] count;", "[30:0] count;")}
        )
        with pytest.raises(SynthesisError, match="design 'four_layers' does not lint: %Warning-WIDTH"):
            hls.lint(changed)

    def test_data_that_does_not_fit(
        self, design: hls.RtlDesign, images: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> None:
        with pytest.raises(DataError, match=r"the design has no memory 'dot\.zz'; did you mean 'dot\.z'\?"):
            cosimulate(design, images, {"dot.zz": expected["dot.z"]})
        with pytest.raises(DataError, match="nothing to compare"):
            cosimulate(design, images, {})
        with pytest.raises(DataError, match=r"expected values of shape \(3, 1\) do not fit memory 'dot\.z'"):
            cosimulate(design, images, {"dot.z": expected["dot.z"][:3]})
        with pytest.raises(DataError, match=r"input 'dot\.x' of the design is missing"):
            cosimulate(design, {k: v for k, v in images.items() if k != "dot.x"}, expected)


def test_names_are_made_legal(design: hls.RtlDesign) -> None:
    assert design.top == "four_layers"
    assert {"rtl/layer_double.v", "rtl/layer_weighted.v", "rtl/layer_dot.v", "rtl/four_layers.v"} <= set(design.files)
    assert design.files["rom/weighted_w.hex"].splitlines()[0] == "c0000000"


def test_the_same_input_gives_the_same_bytes(design: hls.RtlDesign) -> None:
    code = (
        "from asnet import hls; from tests.hls.test_design import *; "
        "module = module_of(PROGRAMS, FloatMode.FTZ, CONSTANTS); "
        "print(hls.synthesise(module, name='four layers', options=SEQUENTIAL).digest)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == design.digest


def test_reports(design: hls.RtlDesign) -> None:
    report = json.loads(design.files["report.json"])
    assert report["cycles per image"] == design.cycles <= sum(layer["cycles"] for layer in report["layers"])
    assert [layer["layer"] for layer in report["layers"]] == ["double", "weighted", "dot", "prefix"]
    assert {unit["name"]: unit["operations"] for unit in report["units"]} == {"fadd": 3, "fmul": 2}
    assert "double" in design.files["report.txt"]
    manifest = json.loads(design.files["manifest.json"])
    assert manifest["top"] == design.top and manifest["configuration"] == {}
    assert {unit["digest"] for unit in manifest["units"]} == {o.instance.digest for o in design.operators}


def test_every_generated_file_says_so(design: hls.RtlDesign) -> None:
    for path, text in design.files.items():
        if path.startswith("rtl/"):
            assert text.startswith("// Generated by ASNet "), path
            assert "Do not edit." in text.splitlines()[0]


class TestWriting:
    def test_a_new_folder_and_over_an_older_design(self, design: hls.RtlDesign, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "design"
        design.write(folder)
        assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(design.files)
        (folder / "rtl" / "stale.v").write_text("")
        design.write(folder)
        assert not (folder / "rtl" / "stale.v").exists()
        assert [path.name for path in folder.parent.iterdir()] == ["design"]

    def test_an_empty_folder_is_taken(self, design: hls.RtlDesign, tmp_path: Path) -> None:
        (tmp_path / "design").mkdir()
        design.write(tmp_path / "design")
        assert (tmp_path / "design" / "manifest.json").is_file()

    @pytest.mark.parametrize("manifest", [None, "{}", "[]", "no JSON", '{"kind": "something else"}'])
    def test_somebody_elses_folder_is_left_alone(
        self, design: hls.RtlDesign, tmp_path: Path, manifest: str | None
    ) -> None:
        (tmp_path / "precious.txt").write_text("data")
        if manifest is not None:
            (tmp_path / "manifest.json").write_text(manifest)
        before = {path.name: path.read_text() for path in tmp_path.iterdir()}
        with pytest.raises(
            OutputError, match="is not empty and holds no ASNet design; choose another folder or empty it"
        ):
            design.write(tmp_path)
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before

    def test_a_file_in_the_way(self, design: hls.RtlDesign, tmp_path: Path) -> None:
        (tmp_path / "design").write_text("a file")
        with pytest.raises(OutputError, match="it is a file; choose another folder"):
            design.write(tmp_path / "design")
        with pytest.raises(OutputError, match="cannot write"):
            design.write(tmp_path / "design" / "below")
