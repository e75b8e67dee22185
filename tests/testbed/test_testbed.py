"""The test bed: right results, whatever the order, the chunks, the backend and the interruptions."""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asnet.cache import default_cache
from asnet.emulate import Certificate, Masks
from asnet.errors import DataError, MismatchError, UsageError
from asnet.exploration import DesignSpace, Exhaustive, InProcess, Processes, Study, StudyFacts, explore
from asnet.ir.jit import Engine
from asnet.ir.staged import StagedEngine
from asnet.network import Network, oracle
from asnet.testbed import Dataset, TestBed
from asnet.testbed.tally import Tally, canonical_bits
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance

Units = tuple[UnitInstance, ...]

FMUL = ("exact", "fmul_trunc(p=0)", "fmul_trunc(p=20)", "fmul_trunc(p=22)", "mitchell_fmul")
FDIV = ("exact", "fdiv_trunc(p=0)", "fdiv_trunc(p=22)")


def uniform(bed: TestBed, fmul: str, fdiv: str = "exact") -> dict[str, str]:
    return {slot.name: {"fmul": fmul, "fdiv": fdiv}[slot.op] for slot in bed.slots}


def drawn(bed: TestBed, count: int, seed: int = 3) -> list[dict[str, str]]:
    generator = random.Random(seed)
    return [
        {slot.name: generator.choice({"fmul": FMUL, "fdiv": FDIV}[slot.op]) for slot in bed.slots} for _ in range(count)
    ]


@pytest.fixture(scope="module")
def golden(conv: Network, digits: Dataset, instances: Units) -> TestBed:
    return TestBed(conv, digits, instances, backend="golden")


@pytest.mark.parametrize("mode", list(FloatMode))
@pytest.mark.parametrize("backend", ["golden", "auto"])
def test_exact_is_the_oracle(dense: Network, digits: Dataset, instances: Units, mode: FloatMode, backend: str) -> None:
    bed = TestBed(dense, digits.take(5), instances, mode=mode, backend=backend)
    for fmul, fdiv in (("exact", "exact"), ("fmul_trunc(p=0)", "fdiv_trunc(p=0)")):
        found = bed.outputs(uniform(bed, fmul, fdiv))
        for image in range(5):
            expected = oracle.run(dense, {"x": digits.fit(dense).x[image : image + 1]}, mode)
            for name, values in found.items():
                assert np.array_equal(canonical_bits(values[image]), canonical_bits(expected[name])), name


@pytest.mark.parametrize("backend", ["golden", "auto"])
@pytest.mark.parametrize("granularity", ["layer", "site"])
def test_layer_names_may_hold_anything(
    dense: Network, digits: Dataset, instances: Units, backend: str, granularity: str
) -> None:
    plain = TestBed(dense, digits, instances, backend=backend, granularity=granularity)
    names = ['fc/1 "quoted"', "back\\slash\\22\nline", "слой 🚀 %s [*]", "l" * 400]
    layers = [replace(layer, name=name) for layer, name in zip(dense.layers, names, strict=True)]
    odd = TestBed(replace(dense, layers=tuple(layers)), digits, instances, backend=backend, granularity=granularity)
    assert {slot.layer for slot in odd.slots} <= set(names)
    expected = plain.evaluate(uniform(plain, "fmul_trunc(p=20)", "fdiv_trunc(p=22)"))
    assert odd.evaluate(uniform(odd, "fmul_trunc(p=20)", "fdiv_trunc(p=22)")).digest == expected.digest


def test_truncation_is_masked_operands(dense: Network, digits: Dataset, instances: Units) -> None:
    """The first layer, p = 20, by numpy: mask, multiply, add in order."""
    bed = TestBed(dense, digits, instances, backend="golden")
    layer = dense.layers[0]
    weights, bias = (np.asarray(dense.constants[name], np.float32) for name in layer.inputs[1:3])
    weights = weights.T if layer.attributes.get("transB", 0) else weights
    mask = np.uint32(0xFFF00000)

    def cut(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return (np.ascontiguousarray(values).view(np.uint32) & mask).view(np.float32)

    total = np.broadcast_to(bias, (len(digits), len(bias))).copy()
    x = digits.fit(dense).x
    for k in range(x.shape[1]):
        total = total + cut(x[:, k : k + 1]) * cut(weights[k : k + 1])
    found = bed.outputs(uniform(bed, "fmul_trunc(p=20)"))[layer.outputs[0]]
    assert np.array_equal(found.reshape(total.shape).view(np.uint32), total.view(np.uint32))


def test_backends_agree_and_mixtures_use_both(
    golden: TestBed, conv: Network, digits: Dataset, instances: Units
) -> None:
    auto = TestBed(conv, digits, instances, backend="auto")
    assert sorted(auto.certificates) == sorted(i.name for i in instances if i.name != "mitchell_fmul")
    assert golden.certificates == {}
    configurations = drawn(auto, 6)
    assert [auto.evaluate(each) for each in configurations] == [golden.evaluate(each) for each in configurations]
    kinds = {kind for each in configurations for kind in auto._forms.plan(each)}  # pyright: ignore[reportPrivateUsage]
    assert kinds == {"mask", "golden"}


def test_masks_run_in_tiles_and_other_units_by_kernels(
    golden: TestBed, conv: Network, digits: Dataset, instances: Units
) -> None:
    masked = TestBed(conv, digits, instances[:-1], backend="auto")
    summing = TestBed(conv, digits, instances, backend="auto")  # with a multiplier that is no mask
    for bed, lanes, products in ((masked, True, False), (summing, False, True)):
        tiled = bed._modules.tiled  # pyright: ignore[reportPrivateUsage]
        assert [(slot.name, slot.count) for slot in tiled.slots] == [(slot.name, slot.count) for slot in bed.slots]
        large = [slot for slot in tiled.slots if slot.op_type == "Conv"]
        assert all(bool(slot.lanes) == lanes and (slot.products is not None) == products for slot in large)
    for name in ("fmul_trunc(p=20)", "mitchell_fmul"):
        configuration = uniform(golden, name, "fdiv_trunc(p=22)")
        assert name == "mitchell_fmul" or masked.evaluate(configuration) == golden.evaluate(configuration)
        assert summing.evaluate(configuration) == golden.evaluate(configuration)
    by_site = TestBed(conv, digits, instances, backend="auto", granularity="site")
    assert by_site._modules.tiled.tiling is None  # pyright: ignore[reportPrivateUsage]


def test_golden_calls_serve_vectors_lane_by_lane(
    golden: TestBed, conv: Network, digits: Dataset, instances: Units
) -> None:
    auto = TestBed(conv, digits, instances[:-1], backend="auto")
    configuration = uniform(auto, "fmul_trunc(p=20)", "fdiv_trunc(p=22)")
    binding, tiled = auto._forms.binding, auto._modules.tiled  # pyright: ignore[reportPrivateUsage]
    engine = Engine(tiled, binder=binding.binder(binding.plan(configuration, only="golden")), cache=default_cache())
    binding.select(configuration)
    state = engine.state(5)
    engine.run(digits.fit(conv).x[:5], state=state)
    for name, values in golden.outputs(configuration, 5).items():
        assert np.array_equal(canonical_bits(engine.memory(state, name)), canonical_bits(values)), name


def test_what_is_kept_changes_nothing(golden: TestBed, conv: Network, digits: Dataset, instances: Units) -> None:
    configurations = drawn(golden, 5)
    for step in range(12):  # change one slot at a time: prefixes of every length
        changed = dict(configurations[-1])
        slot = golden.slots[step % len(golden.slots)]
        changed[slot.name] = ({"fmul": FMUL, "fdiv": FDIV}[slot.op])[step % 3]
        configurations.append(changed)
    kept = [golden.evaluate(each) for each in configurations]
    fresh = [TestBed(conv, digits, instances, backend="golden").evaluate(each) for each in configurations]
    assert kept == fresh
    for order in (configurations[::-1], random.Random(1).sample(configurations, len(configurations))):
        again = TestBed(conv, digits, instances, backend="golden")
        assert list(again.evaluate_all(order)) == [kept[configurations.index(each)] for each in order]
    before = runs_of(golden)
    assert golden.evaluate(configurations[-1]) == kept[-1]
    assert runs_of(golden) == before  # nothing changed: nothing runs


@pytest.mark.parametrize(("per_path", "large"), [(0.02, 1), (0.6, 1 << 30), (1.0, 1), (1.5, 1 << 30), (1.5, 1)])
def test_little_memory_changes_nothing(
    golden: TestBed,
    conv: Network,
    digits: Dataset,
    instances: Units,
    monkeypatch: pytest.MonkeyPatch,
    per_path: float,
    large: int,
) -> None:
    monkeypatch.setattr("asnet.testbed.contents._LARGE", large)
    configurations = drawn(golden, 4, seed=5)
    configurations += [configurations[0], configurations[2]]
    expected = [golden.evaluate(each) for each in configurations]
    memory = int(per_path * len(digits) * sum(golden._stages.strides))  # pyright: ignore[reportPrivateUsage]
    bed = TestBed(conv, digits, instances, backend="golden", memory=memory, threads=2)
    assert list(bed.evaluate_all(configurations)) == expected
    assert bed.evaluate(configurations[1]) == expected[1]
    chunks = bed._staging._chunks  # pyright: ignore[reportPrivateUsage]
    assert (len(chunks) > 1) == (per_path < 1)
    assert [i for chunk in chunks for i in range(chunk.start, chunk.stop)] == list(range(len(digits)))


def runs_of(bed: TestBed) -> list[int]:
    """How often each stage of the bed ran."""
    return [bed.stage_runs[stage] for stage in range(len(bed._stages))]  # pyright: ignore[reportPrivateUsage]


def test_a_grid_runs_every_prefix_once(conv: Network, digits: Dataset, instances: Units) -> None:
    bed = TestBed(conv, digits, instances)
    names = ["fmul_trunc(p=0)", "fmul_trunc(p=20)", "fmul_trunc(p=22)"]
    muls = [slot.name for slot in bed.slots if slot.op == "fmul"]
    rest = {slot.name: "exact" for slot in bed.slots}
    grid = [rest | dict(zip(muls, choice, strict=True)) for choice in itertools.product(names, repeat=len(muls))]
    found = list(bed.evaluate_all(grid))
    digests = [len({each.digest for each in found[:: 3**later]}) for later in range(len(muls))]
    assert digests[0] > 9
    assert runs_of(bed)[:2] == [3, 9]
    assert all(ran <= 3 ** (stage + 1) for stage, ran in enumerate(runs_of(bed)))
    plain = TestBed(conv, digits, instances)
    sample = random.Random(2).sample(range(len(grid)), 12)
    assert [plain.evaluate(grid[index]) for index in sample] == [found[index] for index in sample]


def test_units_that_give_the_same_bits_share_what_follows(conv: Network, digits: Dataset, instances: Units) -> None:
    """Exact arithmetic and a truncation of no bits: one result behind the layer, and nothing runs for the other."""
    bed = TestBed(conv, digits, instances)
    first = bed.evaluate(uniform(bed, "exact"))
    ran = runs_of(bed)
    changed = uniform(bed, "exact") | {bed.slots[0].name: "fmul_trunc(p=0)"}
    assert bed.evaluate(changed) == first
    assert runs_of(bed) == [ran[0] + 1, *ran[1:]]


def test_a_layer_before_the_others_is_found_again(conv: Network, digits: Dataset, instances: Units) -> None:
    """Changing the first layer there and back runs it twice: both results are kept, within the memory."""
    bed = TestBed(conv, digits, instances)
    one = uniform(bed, "fmul_trunc(p=20)")
    other = one | {bed.slots[0].name: "fmul_trunc(p=22)"}
    found = [bed.evaluate(each) for each in (one, other, one, other)]
    assert found[:2] == found[2:] and found[0] != found[1]
    assert runs_of(bed) == [2] * len(runs_of(bed))


def test_an_interrupted_evaluation_leaves_nothing_wrong(
    golden: TestBed,
    monkeypatch: pytest.MonkeyPatch,
    conv: Network,
    digits: Dataset,
    instances: Units,
) -> None:
    bed = TestBed(conv, digits, instances, backend="golden")
    one, other = uniform(bed, "fmul_trunc(p=22)"), uniform(bed, "exact")
    bed.evaluate(one)
    run, calls = StagedEngine.run, 0

    def interrupted(self: StagedEngine, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return run(self, *args)

    monkeypatch.setattr(StagedEngine, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bed.evaluate(other)
    monkeypatch.setattr(StagedEngine, "run", run)
    assert bed.evaluate(one) == golden.evaluate(one)
    assert bed.evaluate(other) == golden.evaluate(other)


def test_wrong_units_show(dense: Network, digits: Dataset, tmp_path: Path) -> None:
    """A multiplier with one wrong bit for one mantissa in 128 is told from the right one, by golden and by auto."""
    (tmp_path / "planted.v").write_text(
        "module planted #(parameter FTZ = 1) (input [31:0] a, input [31:0] b, output [31:0] y);\n"
        "  wire [31:0] e;\n"
        "  fmul #(.FTZ(FTZ)) inner (.clk(1'b0), .ce(1'b0), .a(a), .b(b), .y(e));\n"
        "  assign y = b[22:16] == 7'h2A ? e ^ 32'h1 : e;\n"
        "endmodule\n"
    )
    unit = ApproximateUnit.from_verilog(tmp_path / "planted.v", op="fmul", float_mode="FTZ").instance()
    found: dict[str, list[str]] = {}
    for backend in ("golden", "auto"):
        bed = TestBed(dense, digits, [unit], backend=backend)
        assert "planted" not in bed.certificates
        found[backend] = [bed.evaluate(uniform(bed, name)).digest for name in ("exact", "planted")]
    assert found["golden"] == found["auto"]
    assert found["golden"][0] != found["golden"][1]


def test_a_false_certificate_stops_the_run(
    dense: Network, digits: Dataset, instances: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forged(instance: UnitInstance, **_: object) -> tuple[Masks, Certificate]:
        return Masks(0xFFFF0000, 0xFFFF0000), Certificate(instance.name, instance.digest, "ftz", "mask", ())

    monkeypatch.setattr("asnet.testbed.testbed.certify_mask", forged)
    bed = TestBed(dense, digits, instances, backend="auto")
    with pytest.raises(MismatchError, match=r"golden model differ in 'dense1_out' at \(.*run with --backend golden"):
        bed.evaluate(uniform(bed, "fmul_trunc(p=0)"))


def test_only_what_is_new_is_compared_with_the_golden_model(
    conv: Network, digits: Dataset, instances: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = TestBed(conv, digits.take(3), instances, backend="auto")
    compared: list[str] = []
    run = Engine.run

    def spied(self: Engine, *args: Any, **options: Any) -> Any:
        if options.get("end") is not None:
            compared.append(bed.module.calls[options["first"]].layer)
        return run(self, *args, **options)

    monkeypatch.setattr(Engine, "run", spied)
    exact = uniform(bed, "exact")
    bed.evaluate(exact)
    assert compared == [call.layer for call in bed.module.calls if call.layer in {slot.layer for slot in bed.slots}]
    compared.clear()
    bed.evaluate(exact)
    assert compared == []
    slot = next(slot for slot in reversed(bed.slots) if slot.op == "fmul")
    bed.evaluate({**exact, slot.name: "fmul_trunc(p=20)"})
    assert set(compared) == {slot.layer}
    compared.clear()
    monkeypatch.setattr("asnet.testbed.replay._MOST_CALLS", 0)
    other = TestBed(conv, digits.take(3), instances, backend="auto")
    other.evaluate({**exact, slot.name: "fmul_trunc(p=22)"})
    assert compared == []
    assert other._forms.replay.beyond == {slot.layer for slot in bed.slots}  # pyright: ignore[reportPrivateUsage]


def test_site_granularity(dense: Network, digits: Dataset, instances: Units) -> None:
    bed = TestBed(dense, digits, instances, granularity="site", backend="golden")
    layers = TestBed(dense, digits, instances, backend="golden")
    assert len(bed.slots) > len(layers.slots)
    for fmul in ("exact", "mitchell_fmul"):
        assert bed.evaluate(uniform(bed, fmul)) == layers.evaluate(uniform(layers, fmul))


def test_faults(dense: Network, digits: Dataset, instances: Units) -> None:
    with pytest.raises(UsageError, match=r"unknown backend 'gold'; did you mean 'golden'\?"):
        TestBed(dense, digits, instances, backend="gold")
    bed = TestBed(dense, digits, instances, backend="golden")
    good = uniform(bed, "exact")

    def message(change: Mapping[str, str], *, drop: str = "") -> str:
        with pytest.raises(UsageError) as caught:
            bed.evaluate({name: choice for name, choice in (good | change).items() if name != drop})
        return str(caught.value)

    assert message({}, drop="dense2.fmul") == (
        "the configuration says nothing of slot 'dense2.fmul'; choose an instance or 'exact'"
    )
    assert message({"dense1.fmul": "fmul_trunc(p=19)"}).startswith(
        "slot 'dense1.fmul': no instance 'fmul_trunc(p=19)'; did you mean 'fmul_trunc(p="
    )
    assert message({"dense1.fmul": "fdiv_trunc(p=0)"}) == (
        "slot 'dense1.fmul' computes fmul of f32, 'fdiv_trunc(p=0)' stands for fdiv of f32; choose another instance"
    )
    with pytest.raises(DataError, match="has 60 images, 61 asked for"):
        bed.outputs(good, 61)
    assert bed.evaluate(good).images == 60


def test_two_instances_of_one_name(dense: Network, digits: Dataset, tmp_path: Path) -> None:
    made: list[UnitInstance] = []
    for sign in "&|":
        body = f"assign y = a {sign} b;"
        (tmp_path / "u.v").write_text(f"module u(input [31:0] a, b, output [31:0] y); {body} endmodule")
        made.append(ApproximateUnit.from_verilog(tmp_path / "u.v", op="fmul").instance())
    with pytest.raises(UsageError, match="two different instances are called 'u'; rename one unit"):
        TestBed(dense, digits, made)


def test_top_1_counts_the_first_maximum_and_no_nan() -> None:
    tally = Tally(1)
    nan = np.nan
    rows = np.array([[0, 1, 1], [1, 1, 0], [nan, 5, 1], [0, 1, nan], [-1, -2, -np.inf]], np.float32)
    tally.add([rows], np.array([1, 1, 1, 1, 0]))
    assert tally.correct == 2
    parts, payload = Tally(1), rows.copy()
    payload.view(np.uint32)[2, 0] = 0xFFC12345
    for part in (slice(0, 2), slice(2, 5)):
        parts.add([payload[part]], np.zeros(payload[part].shape[0], np.int64))
    assert parts.digest == tally.digest


def test_two_processes_explore_as_one(dense: Network, digits: Dataset, instances: Units, tmp_path: Path) -> None:
    bed = TestBed(dense, digits, instances)
    space = DesignSpace.of(bed.slots, {"fmul": instances[:3], "fdiv": instances[3:5]}, granularity="layer")
    facts = StudyFacts.collect(
        space, network="n", network_digest="n", data="d", data_digest="d", images=60, float_mode=FloatMode.FTZ,
        granularity="layer", backend="auto", program=bed.module.digest,
    )  # fmt: skip
    found: list[dict[int, Any]] = []
    for name, executor in (("1", InProcess(space, bed)), ("2", Processes(space, bed.recipe, 2))):
        with Study.open(tmp_path / name, facts) as study:
            explore(study, Exhaustive(), executor)
            found.append(dict(study.evaluations))
    assert len(found[0]) == space.size == 54
    assert found[0] == found[1]


def test_the_recipe_makes_the_same_bed(golden: TestBed) -> None:
    again = pickle.loads(pickle.dumps(golden.recipe))()
    assert again.module.digest == golden.module.digest
    configuration = uniform(golden, "fmul_trunc(p=22)", "fdiv_trunc(p=22)")
    assert again.evaluate(configuration) == golden.evaluate(configuration)
