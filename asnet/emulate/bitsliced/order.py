"""The order of a program's gates in which few values are alive at a time."""

from __future__ import annotations

import heapq
from typing import Final

from asnet.emulate.bitsliced.placed import Placed

__all__ = ["frugal_order"]

_WEIGHTS: Final = {1: 10, 2: 3}
"""What a use is worth that is the last one, or the last but one."""


def frugal_order(placed: Placed) -> list[int]:
    """Numbers of the gates in an order that respects their inputs, and outputs that take the place of an input.

    Greedy: of the gates whose inputs are there, one that is the last use of most values (or the last but one), and of
    these one whose inputs are youngest. Inputs of the program do not count: they wait in memory.
    """
    program = placed.program
    base, gates = program.inputs, program.gates
    users: list[list[int]] = [[] for _ in range(base + len(gates))]
    for number, gate in enumerate(gates):
        for place in gate.inputs:
            users[place].append(number)
    followers = _followers(placed, users)
    missing = [sum(place >= base for place in gate.inputs) for gate in gates]
    for behind in followers.values():
        for number in behind:
            missing[number] += 1
    left = [len(found) for found in users]
    born = [0] * (base + len(gates))
    done = [False] * len(gates)

    def rank(number: int) -> tuple[int, int, int]:
        places = [place for place in gates[number].inputs if place >= base]
        ended = sum(_WEIGHTS.get(left[place], 0) for place in places)
        return (-ended, -max((born[place] for place in places), default=0), number)

    queue = [rank(number) for number in range(len(gates)) if not missing[number]]
    heapq.heapify(queue)
    order: list[int] = []
    while queue:
        key = heapq.heappop(queue)
        number = key[-1]
        if done[number] or key != rank(number):
            continue  # ranked anew meanwhile
        done[number] = True
        order.append(number)
        born[base + number] = len(order)
        for user in (*users[base + number], *followers.get(number, ())):
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(queue, rank(user))
        for place in gates[number].inputs:
            left[place] -= 1
            if left[place] in _WEIGHTS and place >= base:
                for user in users[place]:
                    if not done[user] and not missing[user]:
                        heapq.heappush(queue, rank(user))
    return order


def _followers(placed: Placed, users: list[list[int]]) -> dict[int, list[int]]:
    """Gate → gates that must come later, because their output overwrites an input of it."""
    base = placed.program.inputs
    homes = {source: number for number, source in enumerate(placed.inputs)}
    found: dict[int, list[int]] = {}
    for place, signal in zip(placed.outputs, placed.program.outputs, strict=True):
        if place in homes and signal >= base:
            for user in users[homes[place]]:
                if user != signal - base:
                    found.setdefault(user, []).append(signal - base)
    return found
