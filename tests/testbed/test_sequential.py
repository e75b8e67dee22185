"""The sequential test keeps its risk, exactly; and a test bed that stops by it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from asnet.errors import UsageError
from asnet.network import Network
from asnet.testbed import Dataset, Deciding, SequentialTest, TestBed, deciding
from asnet.units import UnitInstance

Units = tuple[UnitInstance, ...]


def errors(test: SequentialTest, images: int, right: Callable[[int, int], float], every: int) -> tuple[float, float]:
    """Exact probabilities of the verdicts "at least" and "below": ``right(asked, correct)`` is the probability that the
    next answer is right; the test looks after each ``every`` images. All paths are followed, none is sampled."""
    at_least = below = 0.0
    alive = {0: 1.0}
    for asked in range(1, images + 1):
        after: dict[int, float] = {}
        for correct, share in alive.items():
            chance = right(asked - 1, correct)
            for more, part in ((1, share * chance), (0, share * (1 - chance))):
                if part > 0:
                    after[correct + more] = after.get(correct + more, 0.0) + part
        if asked % every and asked < images:
            alive = after
            continue
        alive = {}
        for correct, share in after.items():
            verdict = test.verdict(correct, asked, images)
            if verdict is None:
                alive[correct] = share
            elif verdict:
                at_least += share
            else:
                below += share
    return at_least, below


@pytest.mark.parametrize("every", [1, 16])
@pytest.mark.parametrize(("limit", "risk", "margin"), [(0.9, 0.05, 0.05), (0.5, 0.1, 0.1), (0.97, 0.01, 0.02)])
def test_the_risk_is_kept_for_independent_answers(limit: float, risk: float, margin: float, every: int) -> None:
    test = SequentialTest(limit, risk, margin)
    low, high = test.hypotheses
    endless = 10**9  # the rest of the test set decides nothing
    for accuracy in (low, low - margin / 3, high, min(0.999, high + margin / 3)):
        wrong_if_low = wrong_if_high = 0.0
        alive = {0: 1.0}
        for asked in range(1, 1200):
            after: dict[int, float] = {}
            for correct, share in alive.items():
                for more, chance in ((1, accuracy), (0, 1 - accuracy)):
                    after[correct + more] = after.get(correct + more, 0.0) + share * chance
            alive = {}
            for correct, share in after.items():
                verdict = test.verdict(correct, asked, endless) if asked % every == 0 else None
                if verdict is None:
                    alive[correct] = share
                wrong_if_low += share if verdict is True else 0.0
                wrong_if_high += share if verdict is False else 0.0
            alive = {correct: share for correct, share in alive.items() if share > 1e-12}
        assert (wrong_if_low if accuracy <= low else wrong_if_high) <= risk
        assert (wrong_if_low if accuracy <= low else wrong_if_high) > 0


@pytest.mark.parametrize("every", [1, 10])
def test_the_risk_is_kept_for_a_test_set_in_random_order(every: int) -> None:
    """Images are drawn without being put back, and the last one settles it."""
    test, images = SequentialTest(0.9, 0.05, 0.04), 400
    for right in (344, 340, 376, 380):  # of 400: 0.86 and less, 0.94 and more
        at_least, below = errors(test, images, lambda asked, correct, n=right: (n - correct) / (images - asked), every)
        assert at_least + below == pytest.approx(1)
        assert (at_least if right < 360 else below) <= 0.05


def test_simulated_runs() -> None:
    test = SequentialTest(0.9, 0.05, 0.04)
    generator = np.random.default_rng(5)
    for accuracy, wrong in ((0.86, True), (0.94, False)):
        taken: list[int] = []
        mistakes = 0
        for _ in range(2000):
            rights = np.cumsum(generator.random(4000) < accuracy)
            for asked in range(20, 4001, 20):
                verdict = test.verdict(int(rights[asked - 1]), asked, 10**9)
                if verdict is not None:
                    break
            mistakes += verdict is wrong
            taken.append(asked)
        assert mistakes / 2000 <= 0.05
        assert np.mean(taken) < 400


def test_what_is_certain_is_said_at_once() -> None:
    test = SequentialTest(0.5, 1e-9, 0.001)
    assert test.verdict(50, 70, 100) is True
    assert test.verdict(49, 99, 100) is None
    assert test.verdict(9, 60, 100) is False
    assert test.verdict(10, 60, 100) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("accuracy>=0.97", 0.97), (" accuracy >= 97% ", 0.97), ("accuracy>=.5", 0.5)]
)
def test_written(text: str, expected: float) -> None:
    assert SequentialTest.parse(text).limit == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "risk", "message"),
    [
        ("area<=3", 0.01, r"cannot decide 'area<=3'; write it like accuracy>=0.97"),
        ("accuracy>0.9", 0.01, r"cannot decide 'accuracy>0.9'; write it like"),
        ("accuracy>=97", 0.01, r"a limit of 97 makes no sequential test; give more than 0, less than 1"),
        ("accuracy>=0.9", 0.7, r"a risk of 0.7 makes no sequential test; give more than 0, less than 0.5"),
    ],
)
def test_faults(text: str, risk: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SequentialTest.parse(text, risk=risk)


@pytest.mark.parametrize("memory", [1, 1 << 30])
def test_a_bed_that_stops(
    dense: Network, instances: Units, monkeypatch: pytest.MonkeyPatch, digits: Dataset, memory: int
) -> None:
    monkeypatch.setattr(deciding, "_BLOCK", 8)
    classes = np.where(np.arange(len(digits)) % 2, digits.y, (digits.y + 1) % 10)  # every other answer is wrong
    data = Dataset.from_arrays(digits.x, classes)
    bed = TestBed(dense, data, instances, memory=memory)
    configurations = [
        {slot.name: {"fmul": fmul, "fdiv": "exact"}[slot.op] for slot in bed.slots}
        for fmul in ("exact", "fmul_trunc(p=20)", "fmul_trunc(p=22)")
    ]
    whole = [bed.evaluate(each) for each in configurations]
    for limit, expected in ((0.25, True), (0.8, False)):
        found = list(Deciding(bed, SequentialTest(limit, 0.05, 0.2)).evaluate_all(configurations))
        assert [each.verdict for each in found] == [expected] * 3
        assert all(each.images < len(digits) and each.digest == "" for each in found)
        again = Deciding.of(bed.recipe, SequentialTest(limit, 0.05, 0.2))
        assert [again.evaluate(each) for each in configurations[::-1]] == found[::-1]
    close = SequentialTest(whole[0].accuracy, 1e-6, 1e-3)  # goes on to the end, and is exact
    assert Deciding(bed, close).evaluate(configurations[0]).verdict is True
    below = Deciding(bed, SequentialTest(whole[0].accuracy + 0.004, 1e-6, 1e-3)).evaluate(configurations[0])
    assert below.verdict is False


def test_the_order_is_the_seeds(digits: Dataset, dense: Network) -> None:
    data = digits.fit(dense)
    one, same, other = data.shuffled(1), data.shuffled(1), data.shuffled(2)
    assert one.digest == same.digest != other.digest != data.digest
    assert np.array_equal(one.y, same.y) and not np.array_equal(one.y, other.y)
    pairs = {(tuple(x.ravel()), int(y)) for x, y in zip(data.x, data.y, strict=True)}
    assert {(tuple(x.ravel()), int(y)) for x, y in zip(one.x, one.y, strict=True)} == pairs
