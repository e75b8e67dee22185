"""Engines: caching, binding of slot symbols, partial runs, threads, float modes."""

from __future__ import annotations

import ctypes
import threading
import time

import numpy as np
import pytest

from asnet.errors import DataError, PassError
from asnet.ir import MemoryKind, for_execution, reuse
from asnet.ir.jit import Binder, Engine
from asnet.ir.optimise import host_machine, optimise_for_host
from asnet.ir.verify import parse
from asnet.lower import lower
from asnet.network import oracle
from asnet.network.model import Layer, Network, Tensor
from asnet.passes import approximate
from asnet.types import FloatMode


def images(count: int, width: int = 12) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, width)).astype(np.float32)


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)


def binary(op: str, count: int = 1) -> Network:
    """y = a op b over ``count`` elements."""
    tensors = {name: Tensor(name, "float32", (1, count)) for name in "aby"}
    layers = (Layer("op", op, ("a", "b"), ("y",)),)
    return Network(op, "0", (tensors["a"], tensors["b"]), (tensors["y"],), layers, tensors, {})


def test_run_equals_the_oracle(network, cache) -> None:
    engine = Engine(lower(network), cache=cache)
    x = images(5)
    y = engine.run(x)
    assert y.shape == (5, 5) and y.dtype == np.float32
    for i in range(5):
        assert (bits(y[i]) == bits(oracle.run(network, {"x": x[i : i + 1]})["y"][0])).all()


def test_code_is_compiled_once(network, cache, monkeypatch) -> None:
    first = Engine(lower(network), cache=cache)

    def never(*_: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr("asnet.ir.jit.optimise_for_host", never)
    second = Engine(lower(network), cache=cache)
    assert (bits(first.run(images(3))) == bits(second.run(images(3)))).all()
    with pytest.raises(AssertionError, match="compiled again"):
        Engine(lower(network, FloatMode.IEEE), cache=cache)


def test_images_may_have_any_shape_of_the_right_size(network, cache) -> None:
    engine = Engine(lower(network), cache=cache)
    x = images(4)
    expected = bits(engine.run(x))
    assert (bits(engine.run(x.reshape(4, 1, 3, 4))) == expected).all()
    assert (bits(engine.run({"x": x.astype(np.float64)})) == expected).all()
    assert engine.run(np.zeros((0, 12), np.float32)).shape == (0, 5)


def test_running_from_a_layer_reuses_what_came_before(network, cache) -> None:
    module = lower(network)
    engine = Engine(module, cache=cache)
    state = engine.state(3)
    expected = engine.run(images(3), state=state)
    assert (engine.memory(state, "r") >= 0).all()
    engine.memory(state, "d")[:] = np.arange(15, dtype=np.float32).reshape(3, 1, 5)
    engine.run(state=state, first=2)
    assert (bits(engine.output(state)) == bits(expected)).all()
    engine.run(state=state, first=1)
    assert (engine.memory(state, "r")[2, 0] == [10, 11, 12, 13, 14]).all()
    assert not (bits(engine.output(state)) == bits(expected)).any()
    engine.run(state=state, first=len(module.calls))
    engine.run(state=state)
    assert (bits(engine.output(state)) == bits(expected)).all()


def test_a_part_of_the_calls_can_run(network, cache) -> None:
    engine = Engine(lower(network), cache=cache)
    state = engine.state(3)
    expected = engine.run(images(3), state=state)
    d, r, y = (engine.memory(state, name) for name in "dry")
    r[:], y[:] = 0, 0
    engine.run(state=state, first=1, end=2)
    assert (r == np.maximum(d, 0)).all() and r.any() and not y.any()
    engine.run(state=state, first=1, end=1)
    assert not y.any()
    engine.run(state=state, first=2, end=3)
    assert (bits(engine.output(state)) == bits(expected)).all()


def test_threads_share_an_engine(network, cache) -> None:
    engine = Engine(lower(network), cache=cache)
    x = images(400)
    expected = bits(engine.run(x))
    results: list[np.ndarray | None] = [None] * 8

    def work(number: int) -> None:
        state = engine.state(400)
        for _ in range(5):
            results[number] = engine.run(x, state=state)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result is not None and (bits(result) == expected).all() for result in results)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("mode", FloatMode)
def test_the_number_of_threads_changes_nothing(network, cache, monkeypatch, mode: FloatMode, share: bool) -> None:
    monkeypatch.setattr("asnet.ir.sharing._THREADS_PAY_FROM", 0)
    module = reuse(lower(network, mode)) if share else lower(network, mode)
    x = images(37) * np.float32(2.0**-70)  # products are subnormal: every thread needs the float mode
    expected = bits(Engine(module, cache=cache, threads=1).run(x))
    for threads in (2, 3, 8, 50):
        assert (bits(Engine(module, cache=cache, threads=threads).run(x)) == expected).all()
    small = Engine(lower(binary("Mul", 2), mode), cache=cache, threads=3)
    tiny = {name: np.full((9, 2), 1e-20, np.float32) for name in "ab"}
    assert (bits(small.run(tiny)) == (0 if mode is FloatMode.FTZ else bits(np.float32(1e-40)))).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_run_starts_no_more_pieces(network, cache, monkeypatch, threads: int) -> None:
    monkeypatch.setattr("asnet.ir.sharing._THREADS_PAY_FROM", 0)
    monkeypatch.setattr("asnet.ir.sharing._CALLS_PER_PIECE", 1)
    module = approximate(lower(network))
    texts = [f"define float @{s.symbol}(float %a, float %b) {{ ret float %a }}\n" for s in module.slots]
    engine = Engine(module, binder=Binder("".join(texts)), cache=cache, threads=threads)
    run, begun = engine._run, []  # pyright: ignore[reportPrivateUsage]

    def interrupted(*arguments: int) -> None:
        begun.append(arguments[len(MemoryKind)])
        if len(begun) == 3:
            raise KeyboardInterrupt
        time.sleep(0.001)  # or the other thread is through before this one has told
        run(*arguments)

    monkeypatch.setattr(engine, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.run(images(5000))
    assert set(begun) == {1} and len(begun) < 5000


def test_few_images_take_no_thread(network, cache, monkeypatch) -> None:
    engine = Engine(lower(network), cache=cache, threads=4)
    monkeypatch.setattr("asnet.ir.sharing.ThreadPoolExecutor", lambda *_: pytest.fail("started threads"))
    assert engine.run(images(5)).shape == (5, 5)


def test_engines_of_both_modes_live_side_by_side(cache) -> None:
    network = binary("Mul", 2)
    x = {"a": np.array([[1e-30, 1e-40]], np.float32), "b": np.array([[1e-10, 1.0]], np.float32)}
    engines = {mode: Engine(lower(network, mode), cache=cache) for mode in FloatMode}
    for _ in range(2):
        assert (bits(engines[FloatMode.FTZ].run(x)) == 0).all()
        assert (bits(engines[FloatMode.IEEE].run(x)) == bits(np.float32([1e-40, 1e-40]))).all()
    assert np.float32(1e-30) * np.float32(1e-10) != 0  # the caller's float mode is untouched


def test_products_are_rounded_before_they_are_added(cache) -> None:
    """b + a·a in one rounding (fused) is 2^-24; in two roundings it is 0."""
    a = np.float32(1 + 2**-12)
    square = a * a
    assert float(a) * float(a) - float(square) == 2**-24
    tensors = {"x": Tensor("x", "float32", (1, 1)), "y": Tensor("y", "float32", (1, 4))}
    constants = {"w": np.full((1, 4), a, np.float32), "c": np.full(4, -square, np.float32)}
    tensors |= {name: Tensor(name, "float32", array.shape) for name, array in constants.items()}
    layer = Layer("fc", "Gemm", ("x", "w", "c"), ("y",))
    network = Network("fma", "0", (tensors["x"],), (tensors["y"],), (layer,), tensors, constants)
    for mode in FloatMode:
        assert (bits(Engine(lower(network, mode), cache=cache).run(np.full((1, 1), a))) == 0).all()


def test_machine_code_has_no_fused_multiply_add(network) -> None:
    unit = parse(lower(network).text)
    machine = host_machine()
    optimise_for_host(unit, machine)
    assembly = machine.emit_assembly(unit)
    assert "mulss" in assembly or "mulps" in assembly
    assert not [line for line in assembly.splitlines() if "fmadd" in line or "fmsub" in line or "fnmadd" in line]


def test_execution_text_is_optimised_and_unflagged(network) -> None:
    text = for_execution(lower(network))
    assert " x float>" in text
    assert "reassoc" not in text and " fast " not in text and "llvm.fma" not in text


@ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float, ctypes.c_float, ctypes.c_int32)
def _unit(a: float, b: float, number: int) -> float:
    """Unit 0 multiplies; others return their number plus the first operand."""
    return a * b if number == 0 else number + a


BINDER = """
@asnet.select = external global [1 x i32]
declare float @approx_fmul(float, float, i32)
define float @asnet.fmul.op(float %a, float %b) alwaysinline nounwind {
  %id = load i32, ptr @asnet.select
  %y = call float @approx_fmul(float %a, float %b, i32 %id)
  ret float %y
}
"""


def test_slots_are_bound_late_through_data(cache) -> None:
    module = approximate(lower(binary("Mul", 3)))
    select = np.zeros(1, np.int32)
    address = ctypes.cast(_unit, ctypes.c_void_p).value or 0
    symbols = {"approx_fmul": address, "asnet.select": select.ctypes.data}
    engine = Engine(module, binder=Binder(BINDER, symbols, keep=select), cache=cache)
    x = {"a": np.float32([[1, 2, 3]]), "b": np.float32([[4, 5, 6]])}
    assert engine.run(x).tolist() == [[4, 10, 18]]
    select[0] = 7
    assert engine.run(x).tolist() == [[8, 9, 10]]


def test_unbound_slots_are_an_error(cache) -> None:
    module = approximate(lower(binary("Mul")))
    with pytest.raises(PassError, match=r"needs symbols that nothing defines: asnet\.fmul\.op; bind them"):
        Engine(module, cache=cache)
    with pytest.raises(PassError, match=r"nothing defines: approx_fmul, asnet\.select; bind them"):
        Engine(module, binder=Binder(BINDER), cache=cache)
    with pytest.raises(PassError, match="invalid LLVM IR"):
        Engine(module, binder=Binder("define float @asnet.fmul.op("), cache=cache)
    assert (bits(Engine(lower(binary("Mul")), cache=cache).run({"a": np.ones((1, 1)), "b": np.ones((1, 1))})) > 0).all()


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (
            np.zeros((3, 11), np.float32),
            r"data of shape \(3, 11\) does not fit input 'x' of shape \(1, 12\): it must be",
        ),
        (np.zeros(12, np.float32), r"data of shape \(12,\) does not fit input 'x'"),
        (np.float32(1), r"data of shape \(\) does not fit"),
        ({"z": np.zeros((1, 12))}, "input 'x' of the network is missing; given: z"),
        (None, "neither images nor a state"),
    ],
)
def test_data_that_does_not_fit(network, cache, x, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        Engine(lower(network), cache=cache).run(x)


def test_states_and_inputs_that_do_not_fit(network, cache) -> None:
    engine = Engine(lower(network), cache=cache)
    with pytest.raises(DataError, match=r"3 images do not fit a state of 2; make one with Engine\.state"):
        engine.run(images(3), state=engine.state(2))
    with pytest.raises(DataError, match="no memory 'relu'; known: b, d, r, w, x, y"):
        engine.memory(engine.state(1), "relu")
    with pytest.raises(DataError, match="memory 'w' is a constant"):
        engine.memory(engine.state(1), "w")
    two = Engine(lower(binary("Add")), cache=cache)
    with pytest.raises(
        DataError, match=r"the state belongs to a module with other memories; make one with Engine\.state"
    ):
        engine.run(state=two.state(1))
    with pytest.raises(DataError, match=r"the network has 2 inputs \(a, b\); give a mapping"):
        two.run(np.zeros((1, 1), np.float32))
    with pytest.raises(DataError, match="input 'b' has 2 images, the one before it 1"):
        two.run({"a": np.zeros((1, 1)), "b": np.zeros((2, 1))})
