"""Blocks of the networks people have, exported by PyTorch: the oracle's bits, onnxruntime's values."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest

from asnet.cache import Cache
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load, oracle
from asnet.types import FloatMode
from tests.lower.conftest import assert_same_bits

torch = pytest.importorskip("torch", reason="exports the networks")
nn, functional = torch.nn, torch.nn.functional
WIDTH, HEADS = 12, 3

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter warns of itself


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind a normalisation."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.ahead = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Any) -> Any:
        batch, length, width = x.shape
        parts = self.qkv(self.first(x)).chunk(3, -1)
        q, k, v = (part.view(batch, length, HEADS, width // HEADS).transpose(1, 2) for part in parts)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.ahead(self.second(x))


class Bert(nn.Module):
    """Embeddings, a masked encoder, a classifier of the first token."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30, WIDTH), nn.Embedding(8, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.pool, self.classes = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, words: Any, mask: Any) -> Any:
        x = self.norm(self.words(words) + self.places(torch.arange(words.shape[1])[None]))
        x = self.encoder(x, src_key_padding_mask=mask == 0)
        return self.classes(torch.tanh(self.pool(x[:, 0])))


class Gpt(nn.Module):
    """Embeddings, a causal block, the next word."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30, WIDTH), nn.Embedding(8, WIDTH)
        self.block, self.norm = Block(causal=True), nn.LayerNorm(WIDTH)
        self.next = nn.Linear(WIDTH, 30, bias=False)

    def forward(self, words: Any) -> Any:
        x = self.words(words) + self.places(torch.arange(words.shape[1]))
        return self.next(self.norm(self.block(x)))


class Vit(nn.Module):
    """Patches, a class token, a block."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 4, 4)
        self.token, self.places = (nn.Parameter(torch.randn(1, n, WIDTH)) for n in (1, 10))
        self.block, self.classes = Block(causal=False), nn.Linear(WIDTH, 4)

    def forward(self, x: Any) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.classes(self.block(x)[:, 0])


class Llama(nn.Module):
    """Root mean square norms, rotary embeddings, grouped keys and values, a gated feed-forward layer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(16))
        self.q, self.kv, self.out = (nn.Linear(16, n, bias=False) for n in (16, 16, 16))
        self.gate, self.up, self.down = (nn.Linear(*n, bias=False) for n in ((16, 24), (16, 24), (24, 16)))

    def norm(self, x: Any) -> Any:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.scale

    def forward(self, x: Any) -> Any:
        batch, length, width = x.shape
        inverse = 1.0 / (10000 ** (torch.arange(0, 4, 2).float() / 4))
        angles = torch.einsum("i,j->ij", torch.arange(length).float(), inverse)
        angles = torch.cat((angles, angles), -1)

        def turned(part: Any) -> Any:
            half = torch.cat((-part[..., 2:], part[..., :2]), -1)
            return part * angles.cos() + half * angles.sin()

        y = self.norm(x)
        q = turned(self.q(y).view(batch, length, 4, 4).transpose(1, 2))
        k, v = (part.view(batch, length, 2, 4).transpose(1, 2) for part in self.kv(y).chunk(2, -1))
        k, v = turned(k).repeat_interleave(2, 1), v[:, :, None].expand(batch, 2, 2, length, 4).reshape(q.shape)
        mask = torch.full((length, length), float("-inf")).triu(1)
        weights = (q @ k.transpose(-1, -2) * 0.5 + mask).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, length, width))
        y = self.norm(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Recurrent(nn.Module):
    """Embedding, both directions, a classifier of the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.classes = nn.Embedding(30, 6), nn.Linear(10, 2)
        self.cells = nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True)

    def forward(self, words: Any) -> Any:
        return self.classes(self.cells(self.words(words))[0][:, -1])


class Segmenter(nn.Module):
    """Down and up again, past a connection, with normalisations of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 8, 3, 2, 1)
        self.up, self.last = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 2, 1)
        self.instances, self.groups = nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 8)

    def forward(self, x: Any) -> Any:
        near = functional.silu(self.instances(self.first(x)))
        far = self.up(functional.mish(self.groups(self.down(near))))
        far = functional.interpolate(far, size=near.shape[2:], mode="bilinear", align_corners=False)
        shift = functional.affine_grid(torch.eye(2, 3)[None] * 0.9, list(x.shape), align_corners=False)
        return self.last(torch.cat([functional.grid_sample(far, shift, align_corners=False), near], 1))


def words(*shape: int) -> Any:
    return torch.randint(0, 30, shape)


NETWORKS: dict[str, tuple[Callable[[], Any], Callable[[], tuple[Any, ...]]]] = {
    "bert": (Bert, lambda: (words(2, 5), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]))),
    "gpt": (Gpt, lambda: (words(1, 6),)),
    "vit": (Vit, lambda: (torch.randn(1, 3, 12, 12),)),
    "llama": (Llama, lambda: (torch.randn(1, 5, 16),)),
    "lstm": (Recurrent, lambda: (words(2, 4),)),
    "segmenter": (Segmenter, lambda: (torch.randn(1, 2, 6, 8),)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_an_exported_network(name: str, objects: Cache) -> None:
    torch.manual_seed(0)
    build, example = NETWORKS[name]
    inputs, stream = example(), io.BytesIO()
    torch.onnx.export(build().eval(), inputs, stream, opset_version=20, dynamo=False)
    session = onnxruntime.InferenceSession(stream.getvalue(), providers=["CPUExecutionProvider"])
    feeds = {value.name: tensor.numpy() for value, tensor in zip(session.get_inputs(), inputs, strict=True)}
    network = load(stream.getvalue())
    engine = Engine(lower(network, FloatMode.IEEE), cache=objects)
    state = engine.state(1)
    engine.run({tensor.name: feeds[tensor.name][None] for tensor in network.inputs}, state=state)
    defined = oracle.run(network, feeds, FloatMode.IEEE)
    for tensor, expected in zip(network.outputs, session.run(None, feeds), strict=True):
        found = engine.memory(state, tensor.name)[0]
        assert_same_bits(found, defined[tensor.name], tensor.name)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6)
