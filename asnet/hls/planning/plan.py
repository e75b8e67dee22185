"""A layer's flat loops with all decisions taken: operators, ports, widths, schedules."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from asnet.hls.binder import Binder, Resource, memory_port, unit_port
from asnet.hls.nest import Node, Pipeline, Program, Repeat, Streamed, memory_dependences
from asnet.hls.operators import Operator
from asnet.hls.options import HlsOptions, Style
from asnet.hls.planning.layout import Layout, lay_out
from asnet.hls.planning.loop import LoopPlan
from asnet.hls.planning.problem import loop_problem
from asnet.hls.planning.users import port, users_of
from asnet.hls.planning.values import Value, loop_values
from asnet.hls.ranges import stored, top, union
from asnet.hls.scheduling import Solution, check, solve
from asnet.hls.storage import late_words

__all__ = ["NotPipelined", "ProgramPlan", "plan_program"]


class NotPipelined(Exception):  # noqa: N818 - no fault: the general engine takes it
    """Loops that the pipelined engine does not have hardware for."""


@dataclass(frozen=True)
class ProgramPlan:
    """A layer. ``loops``: one for each of the program's pipelines, in their order; ``values`` that leave a node;
    ``layout``: when they run."""

    program: Program
    loops: tuple[LoopPlan, ...]
    values: Mapping[str, Value]
    layout: Layout


def plan_program(
    program: Program,
    binder: Binder,
    options: HlsOptions,
    *,
    units: Mapping[str, int] | None = None,
    reads: Mapping[str, int] | None = None,
    hurried: Collection[str] = (),
) -> ProgramPlan:
    """Decide everything about ``program``.

    Args:
        program: flat loops.
        binder: chooses operators.
        options: choices about the hardware.
        units: op → units that a loop may use; of others as many as the loop has lanes.
        reads: memory's name → read ports; of others one.
        hurried: loops that have all the units and read ports that an iteration every cycle takes.

    Raises:
        SynthesisError: an operation without operator, or a loop that cannot be scheduled.
        NotPipelined: a tail that cannot keep up with its lanes, or that writes where its lanes write.
    """
    return _Planner(program, binder, options, units or {}, reads or {}, hurried).run()


class _Planner:
    def __init__(
        self,
        program: Program,
        binder: Binder,
        options: HlsOptions,
        units: Mapping[str, int],
        reads: Mapping[str, int],
        hurried: Collection[str],
    ) -> None:
        self._program = program
        self._binder = binder
        self._options = options
        self._units = units
        self._reads = reads
        self._hurried = hurried
        self._users = users_of(program, binder, shared=options.style is Style.SEQUENTIAL)
        self._loops: list[LoopPlan] = []
        self._values: dict[str, Value] = {}
        self._extents: dict[str, int] = {}

    def run(self) -> ProgramPlan:
        self._nodes(self._program.body)
        loops = tuple(self._loops)
        return ProgramPlan(self._program, loops, self._values, lay_out(self._program, loops))

    def _nodes(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            match node:
                case Pipeline():
                    self._loop(node, hurried=node.name in self._hurried)
                case Streamed():
                    self._streamed(node)
                case Repeat():
                    self._repeat(node)

    def _repeat(self, node: Repeat) -> None:
        counter = node.counter
        self._extents[counter.name] = counter.extent
        values = (0, counter.extent - 1)
        self._values[counter.name] = Value(64, values, stored(values, 64, 64))
        for carried in node.carried:
            whole = top(carried.width)
            self._values[carried.name] = Value(carried.width, whole, stored(whole, carried.width, carried.width))
        self._nodes(node.body)

    def _streamed(self, node: Streamed) -> None:
        lanes = max((len(names) for names in node.values.values()), default=1)
        handed = frozenset(name for names in node.values.values() for name in names)
        hurried = lanes > 1 or node.name in self._hurried
        main = self._loop(node.main, lanes=lanes, handed=handed | _names(node.when.flags), hurried=hurried)
        outside = {
            name: _together([_value(name, main, self._values) for name in names]) for name, names in node.values.items()
        }
        taken = {name: 1 + number for name, number in _highest(main).items()}
        tail = self._loop(node.tail, outside=outside, interval=main.interval, taken=taken, hurried=True)
        if tail.interval != main.interval:
            raise NotPipelined(f"the tail of {node.name!r} takes a result every {tail.interval} cycles only")
        if _stored(node.main) & _stored(node.tail):
            raise NotPipelined(f"lanes and tail of {node.name!r} write one memory")

    def _loop(
        self,
        pipeline: Pipeline,
        *,
        lanes: int = 1,
        handed: frozenset[str] = frozenset(),
        outside: Mapping[str, Value] | None = None,
        interval: int = 1,
        taken: Mapping[str, int] | None = None,
        hurried: bool = False,
    ) -> LoopPlan:
        """Plan one loop. ``taken``: resources' instances from 0 on that belong to another loop at the same time.

        ``hurried``: it has as many units and read ports as an iteration every ``interval`` cycles takes.
        """
        layer, memories = self._program.layer, self._program.memory
        extents = self._extents | {counter.name: counter.extent for counter in pipeline.counters}
        around = self._values | dict(outside or {})
        values = {**around, **loop_values(pipeline, around, extents, memories, handed)}
        resources: dict[str, Resource] = {}
        operators: dict[str, Operator] = {}
        counts: dict[str, int] = {}
        for operation in pipeline.operations:
            if operation.is_memory:
                count = self._reads.get(operation.detail, 1) if operation.op == "load" else 1
                sources = self._users.sources(port(operation), count)
                late = late_words(memories[operation.detail], self._options.clock, count)
                resource = memory_port(operation, sources, late)
            else:
                unit = self._binder.operator(layer, operation)
                if unit is None:
                    continue
                operators[operation.name] = unit
                count = self._units.get(unit.instance.op, lanes)
                resource = unit_port(unit, self._users.sources(unit.name, count))
            resources[operation.name] = resource
            counts[resource.name] = count
        if hurried:
            used = Tally(resources[o.name].name for o in pipeline.operations if o.name in resources and o.op != "store")
            counts |= {name: max(counts[name], -(-count // interval)) for name, count in used.items()}
        alone = self._alone(operators, counts)
        operators |= {name: alone[unit.name] for name, unit in operators.items() if unit.name in alone}
        resources |= {name: unit_port(unit, 1) for name, unit in operators.items() if unit in alone.values()}
        counts |= {unit.name: counts[name] for name, unit in alone.items()}
        accesses = memory_dependences(pipeline, self._program)
        problem = loop_problem(pipeline, values, resources, counts, accesses, self._options.clock)
        solution = solve(problem, interval)
        check(problem, solution)
        own = {unit.name for unit in alone.values()}
        instance = _instances(pipeline, resources, solution, taken or {}, own)
        plan = LoopPlan(pipeline, values, resources, operators, instance, problem, solution)
        self._loops.append(plan)
        self._values.update({name: values[name] for name in pipeline.results})
        return plan

    def _alone(self, operators: Mapping[str, Operator], counts: Mapping[str, int]) -> Mapping[str, Operator]:
        """Operators of a loop of which every operation has one for itself: name → what takes its place."""
        used = Tally(unit.name for unit in operators.values())
        units = {unit.name: unit for unit in operators.values()}
        single = [u for name, u in units.items() if self._users.loops[name] == 1 and used[name] <= counts[name]]
        found = {unit.name: self._binder.alone(unit) for unit in single}
        return {name: unit for name, unit in found.items() if unit is not units[name]}


def _stored(pipeline: Pipeline) -> set[str]:
    return {operation.detail for operation in pipeline.operations if operation.op == "store"}


def _names(operands: Iterable[object]) -> frozenset[str]:
    return frozenset(operand for operand in operands if isinstance(operand, str))


def _value(name: str, plan: LoopPlan, outside: Mapping[str, Value]) -> Value:
    return plan.values[name] if name in plan.values else outside[name]


def _together(values: Sequence[Value]) -> Value:
    """What is known of one value that is now this, now that."""
    width, both = values[0].width, values[0].range
    for value in values[1:]:
        both = union(both, value.range)
    return Value(width, both, stored(both, width, width))


def _highest(plan: LoopPlan) -> dict[str, int]:
    """Unit or port → the highest number in use."""
    found: dict[str, int] = {}
    for name, resource in plan.resources.items():
        found[resource.name] = max(found.get(resource.name, 0), plan.instance[name])
    return found


def _instances(
    pipeline: Pipeline,
    resources: Mapping[str, Resource],
    solution: Solution,
    taken: Mapping[str, int],
    own: Collection[str],
) -> Mapping[str, int]:
    """Operation → which instance of its resource: in each slot one after the other, from the first free one on; of the
    resources ``own`` one for each operation."""
    interval = max(1, solution.interval) if solution.interval else None
    used: Tally[tuple[str, int]] = Tally()
    instance: dict[str, int] = {}
    for operation in pipeline.operations:
        resource = resources.get(operation.name)
        if resource is None:
            continue
        start = 0 if resource.name in own else solution.start[operation.name]
        place = (resource.name, start if interval is None else start % interval)
        instance[operation.name] = taken.get(resource.name, 0) + used[place]
        used[place] += 1
    return instance
