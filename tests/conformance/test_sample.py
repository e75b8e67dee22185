"""A sample of ONNX's own test cases through the compiled path; all of them: python -m asnet.conformance."""

from __future__ import annotations

import pytest

from asnet.conformance import LIGHT, Outcome, Verdict, collect, excluded, markdown, run_all, table
from asnet.conformance.__main__ import main

EVERY = 20


@pytest.fixture(scope="module")
def cases():
    return collect()


@pytest.fixture(scope="module")
def outcomes(cases) -> list[Outcome]:
    return run_all([case for case in cases if excluded(case) is None and case.operator != LIGHT][::EVERY])


def test_no_case_fails(outcomes) -> None:
    assert [outcome for outcome in outcomes if outcome.verdict is Verdict.FAIL] == []
    assert sum(outcome.verdict is Verdict.PASS for outcome in outcomes) > len(outcomes) // 5


def test_a_network_of_real_size_passes(cases) -> None:
    light = [case for case in cases if case.operator == LIGHT]
    assert len(light) == 9
    chosen = [case for case in light if case.name == "test_squeezenet"]
    assert [outcome.verdict for outcome in run_all(chosen, jobs=1)] == [Verdict.PASS]


def test_what_is_unsupported_says_what(outcomes) -> None:
    assert all(outcome.why for outcome in outcomes if outcome.verdict is Verdict.UNSUPPORTED)


def test_the_rule_leaves_out_what_it_says(cases) -> None:
    reasons = {case.name: excluded(case) for case in cases}
    assert reasons["test_adagrad"] == "training"
    assert reasons["test_batchnorm_example_training_mode"] == "training"
    assert reasons["test_training_dropout"] == "training"
    assert reasons["test_dropout_random_old"] is None
    assert reasons["test_string_concat"] == "strings"
    assert reasons["test_sequence_insert_at_back"] == "sequences, optionals, maps"
    assert reasons["test_cast_FLOAT_to_DOUBLE"] == "other element types"
    assert reasons["test_bernoulli"] == "random"
    assert reasons["test_nllloss_NC"] == "training losses"
    assert reasons["test_image_decoder_decode_png_rgb"] == "image decoding"
    assert reasons["test_operator_add_broadcast"] == "other element types"
    assert reasons["test_operator_conv"] is None
    assert reasons["test_add"] is reasons["test_add_int8"] is reasons["test_relu"] is None


def test_a_crash_and_an_endless_case_are_failures(cases, monkeypatch) -> None:
    import os
    import signal
    import time

    from asnet.conformance import running

    def run_case(case, cache) -> Outcome:
        if case.name == "test_add":
            os.kill(os.getpid(), signal.SIGKILL)
        if case.name == "test_mul":
            time.sleep(60)
        return Outcome(case.name, case.operator, Verdict.PASS)

    monkeypatch.setattr(running, "run_case", run_case)
    chosen = [case for case in cases if case.name in {"test_add", "test_mul", "test_relu", "test_sub"}]
    verdicts = {outcome.name: (outcome.verdict, outcome.why) for outcome in run_all(chosen, jobs=1, seconds=2)}
    assert verdicts == {
        "test_add": (Verdict.FAIL, "the process died (signal 9)"),
        "test_mul": (Verdict.FAIL, "no result within 2 s"),
        "test_relu": (Verdict.PASS, ""),
        "test_sub": (Verdict.PASS, ""),
    }


def test_reports() -> None:
    outcomes = [
        Outcome("a", "Add", Verdict.PASS),
        Outcome("b", "Shape", Verdict.PASS, folded=True),
        Outcome("c", "Foo", Verdict.UNSUPPORTED, "node 'f' (Foo) is not supported"),
        Outcome("d", "Foo", Verdict.FAIL, "output 0: wrong"),
    ]
    assert table(outcomes).splitlines()[1:] == [
        "Foo                              0            1     1",
        "total                            2            1     1",
        "50.0 % of 4 cases pass",
    ]
    text = markdown(outcomes, {"strings": 3})
    assert "2 of 4 cases pass (50.0 %),\n1 are unsupported, 1 fail.\n" in text
    assert "Left out, 3 cases: strings (3).\n" in text
    assert "| Shape | 1 | 0 | 0 | 1 |\n" in text
    assert "- `d`: fail: output 0: wrong\n" in text


def test_the_command(tmp_path, capsys) -> None:
    status = main(["-k", "^test_(relu|add|string_concat)$", "--write", str(tmp_path / "t.md"), "--jobs", "1"])
    assert status == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "total                            2            0     0",
        "100.0 % of 2 cases pass",
        "left out: 1 strings",
    ]
    assert "| Relu | 1 | 0 | 0 | 0 |" in (tmp_path / "t.md").read_text()
