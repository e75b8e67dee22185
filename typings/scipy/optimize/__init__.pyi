from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

class OptimizeResult:
    x: np.ndarray[tuple[int], np.dtype[np.float64]] | None
    status: int

def linprog(
    c: np.ndarray[tuple[int], np.dtype[np.float64]],
    A_ub: csr_array | None = ...,
    b_ub: np.ndarray[tuple[int], np.dtype[np.int64]] | None = ...,
    *,
    bounds: Sequence[tuple[float | None, float | None]] = ...,
    method: str = ...,
) -> OptimizeResult: ...
