"""onnxruntime's sessions, as benchmarks run them."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

__all__ = ["session"]


def session(model: bytes | Path, threads: int = 1, *, spinning: bool = True) -> onnxruntime.InferenceSession:
    """A session on ``threads`` threads of the processor, which warns of nothing.

    ``spinning``: its threads wait busily between calls, as is its default.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
