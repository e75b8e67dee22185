"""Whether there are slots at an interval at all: a search over the residues of the operations that share resources.

Longest paths between those operations turn everything else into constraints among them; with a residue r chosen for
each, a start cycle is II·k + r, and the constraints are difference constraints on the rounds k again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asnet.hls.scheduling.system import Infeasible, Lag, System, earliest

__all__ = ["search"]

_MOST_NODES = 3000
"""Residues tried before a search is given up."""

_MOST_ITEMS = 200
_MOST_USERS = 24
"""Sizes of problems that a search takes on: all operations, and those on crowded resources."""

_NO_PATH = -(1 << 40)
"""The length of a path that does not exist."""

_Matrix = NDArray[np.int64]


def search(problem: System, lags: Sequence[Lag], interval: int) -> list[int] | None:
    """Start cycles at ``interval`` that satisfy ``lags`` and all resources; None: none found.

    With fewer than the number of nodes tried that makes it give up, None is a proof that there are none.
    """
    count = len(problem.items)
    resource = {user: name for name, users in problem.users.items() for user in users}
    users = tuple(resource)
    if count > _MOST_ITEMS or len(users) > _MOST_USERS:
        return None
    found = _Search(problem, users, _paths(count, lags)[np.ix_(users, users)], interval).run()
    if found is None:
        return None
    fixed = [Lag(count, user, cycle) for user, cycle in zip(users, found, strict=True)]
    fixed += [Lag(user, count, -cycle) for user, cycle in zip(users, found, strict=True)]
    try:
        return earliest(count + 1, [*lags, *fixed])[:count]
    except Infeasible:
        return None


def _paths(count: int, lags: Sequence[Lag]) -> _Matrix:
    """The longest path between any two items."""
    length = np.full((count, count), _NO_PATH, np.int64)
    np.fill_diagonal(length, 0)
    for lag in lags:
        length[lag.before, lag.after] = max(length[lag.before, lag.after], lag.cycles)
    for number in range(count):
        np.maximum(length, length[:, number, None] + length[None, number, :], out=length)
        length[length < _NO_PATH // 2] = _NO_PATH
    return length


class _Search:
    def __init__(self, problem: System, users: Sequence[int], apart: _Matrix, interval: int) -> None:
        names = [problem.items[user].resource or "" for user in users]
        self._names = names
        self._room = {(name, r): problem.problem.resources[name] for name in names for r in range(interval)}
        self._apart = apart
        self._interval = interval
        self._nodes = _MOST_NODES
        self._residues: list[int] = []

    def run(self) -> list[int] | None:
        """Cycles of the users, which start no earlier than 0."""
        rounds = self._extend(np.zeros((0, 0), np.int64))
        if rounds is None:
            return None
        first = np.maximum(rounds.max(axis=0), 0)
        return [int(k) * self._interval + r for k, r in zip(first, self._residues, strict=True)]

    def _extend(self, rounds: _Matrix) -> _Matrix | None:
        """The least differences of the rounds of all users, those of the first ones being ``rounds``."""
        number = len(rounds)
        if number == len(self._names):
            return rounds
        name = self._names[number]
        for residue in range(self._interval if number else 1):  # all cycles may be shifted alike
            if not self._room[name, residue] or self._nodes <= 0:
                continue
            self._nodes -= 1
            wider = self._with(rounds, residue)
            if wider is None:
                continue
            self._room[name, residue] -= 1
            self._residues.append(residue)
            complete = self._extend(wider)
            if complete is not None:
                return complete
            self._residues.pop()
            self._room[name, residue] += 1
        return None

    def _with(self, rounds: _Matrix, residue: int) -> _Matrix | None:
        """``rounds`` with the next user at ``residue``; None: impossible."""
        number = len(rounds)
        others = np.array(self._residues, np.int64)
        before = -((residue - others - self._apart[:number, number]) // self._interval)
        after = -((others - residue - self._apart[number, :number]) // self._interval)
        if number:
            before = (rounds + before[None, :]).max(axis=1)
            after = (rounds + after[:, None]).max(axis=0)
            if (before + after).max() > 0:
                return None
        wider = np.zeros((number + 1, number + 1), np.int64)
        wider[:number, :number] = np.maximum(rounds, before[:, None] + after[None, :])
        wider[:number, number] = before
        wider[number, :number] = after
        return wider
