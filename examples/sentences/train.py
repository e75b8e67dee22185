"""Train the example of a network that reads words, and write it with its test set beside this script.

    python examples/sentences/train.py

Development only: needs PyTorch. A sentence is 12 of 16 words: five are good, five bad, five mean nothing, and `not`
turns the next word around. A sentence is liked (class 1) if it says more good than bad. The network embeds the words,
reads them with an LSTM and answers with one probability. One thread and fixed seeds: the same machine and library
versions give the same weights, the same weights give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parent
NOT, GOOD, BAD, WORDS = 0, range(1, 6), range(6, 11), 16
LENGTH, EMBEDDED, HIDDEN = 12, 4, 6
SEED = 2024
IR_VERSION = 8  # the ONNX file format that came with opset 17

Array = np.ndarray[Any, np.dtype[Any]]


def sentences(count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """``count`` sentences that are not undecided: words (count, 12) int64, classes (count,)."""
    words = generator.integers(0, WORDS, (4 * count, LENGTH))
    value = np.isin(words, GOOD).astype(int) - np.isin(words, BAD)
    turned = np.roll(words == NOT, 1, axis=1)
    turned[:, 0] = False
    total = np.where(turned, -value, value).sum(axis=1)
    keep = total != 0
    return words[keep][:count], (total[keep] > 0).astype(np.int64)[:count]


def train(words: Array, classes: Array) -> dict[str, Array]:
    """The weights by initialiser name, gates in ONNX's order (input, output, forget, cell)."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    embedding, lstm = nn.Embedding(WORDS, EMBEDDED), nn.LSTM(EMBEDDED, HIDDEN, batch_first=True)
    dense = nn.Linear(HIDDEN, 1)
    parameters = [*embedding.parameters(), *lstm.parameters(), *dense.parameters()]
    x, y = torch.from_numpy(words), torch.from_numpy(classes).float()
    epochs, batch = 40, 64
    optimiser = torch.optim.Adam(parameters)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.02, total_steps=epochs * (len(y) // batch))
    for _ in range(epochs):
        for pick in torch.randperm(len(y))[: len(y) // batch * batch].split(batch):
            _, (hidden, _) = lstm(embedding(x[pick]))
            loss = nn.functional.binary_cross_entropy_with_logits(dense(hidden[0])[:, 0], y[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()

    def gates(tensor: torch.Tensor) -> Array:
        i, f, g, o = tensor.detach().numpy().reshape(4, HIDDEN, -1)
        return np.ascontiguousarray(np.stack([i, o, f, g]).reshape(1, 4 * HIDDEN, -1))

    biases = [gates(bias).reshape(1, -1) for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0)]
    return {
        "embedding": embedding.weight.detach().numpy(),
        "lstm.w": gates(lstm.weight_ih_l0),
        "lstm.r": gates(lstm.weight_hh_l0),
        "lstm.b": np.concatenate(biases, axis=1),
        "dense.weight": dense.weight.detach().numpy(),
        "dense.bias": dense.bias.detach().numpy(),
    }


def to_onnx(weights: dict[str, Array]) -> onnx.ModelProto:
    """The network as an ONNX model: any number of sentences of any number of words."""
    node = helper.make_node
    constants = {**weights, "first": np.array([0])}
    graph = helper.make_graph(
        [
            node("Gather", ["embedding", "words"], ["embedded"], name="embed"),
            node("Transpose", ["embedded"], ["steps"], name="steps", perm=[1, 0, 2]),
            node("LSTM", ["steps", "lstm.w", "lstm.r", "lstm.b"], ["", "state"], name="lstm", hidden_size=HIDDEN),
            node("Squeeze", ["state", "first"], ["last"], name="last"),
            node("Gemm", ["last", "dense.weight", "dense.bias"], ["opinion"], name="dense", transB=1),
            node("Sigmoid", ["opinion"], ["liked"], name="sigmoid"),
        ],
        "sentences",
        [helper.make_tensor_value_info("words", TensorProto.INT64, ["N", "length"])],
        [helper.make_tensor_value_info("liked", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, producer_name="asnet", opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Train, write both files."""
    generator = np.random.default_rng(SEED)
    words, classes = sentences(4000, generator)
    test_words, test_classes = sentences(500, generator)
    model = to_onnx(train(words, classes))
    (FOLDER / "sentences.onnx").write_bytes(model.SerializeToString(deterministic=True))
    np.savez_compressed(FOLDER / "sentences_test.npz", words=test_words, y=test_classes)


if __name__ == "__main__":
    main()
