"""Reading JSON files with checks whose messages name the file, the JSON path, the value and the remedy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, cast

from asnet.errors import ConstraintsError, did_you_mean

__all__ = ["JsonNode", "ParameterValue", "load", "parameter_values", "parse", "shown"]

ParameterValue = int | str
"""A value of a unit's parameter: an integer, or a word such as a module's name."""

MAXIMUM_VALUES: Final = 1 << 16
"""Most values one parameter may have."""

_KINDS: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
}


def shown(value: object) -> str:
    """``value`` as JSON for a message, shortened to 60 characters."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(value: object) -> str:
    return "null" if value is None else f"{_KINDS.get(type(value), 'a value')} ({shown(value)})"


@dataclass(frozen=True)
class JsonNode:
    """A JSON value and where it stands: the file as the user named it, and the path from its root ``$``.

    Every method raises :class:`ConstraintsError` if the value is not what is asked for.
    """

    value: object
    file: str
    path: str = "$"

    def fail(self, message: str) -> NoReturn:
        """Raise a :class:`ConstraintsError` that says where: ``FILE: $.path: MESSAGE``."""
        raise ConstraintsError(f"{self.file}: {self.path}: {message}")

    def member(self, key: str, value: object) -> JsonNode:
        """The node of ``value`` under ``key`` of this object."""
        step = f".{key}" if key.isidentifier() or key == "$schema" else f"[{json.dumps(key, ensure_ascii=False)}]"
        return JsonNode(value, self.file, self.path + step)

    def members(self) -> dict[str, JsonNode]:
        """An object with free keys, in the file's order."""
        value = self.value
        if not isinstance(value, Mapping):
            self.fail(f"expected an object, found {_kind(self.value)}")
        found = cast("Mapping[str, object]", value)
        return {key: self.member(key, value) for key, value in found.items()}

    def fields(self, *, required: Iterable[str] = (), optional: Iterable[str] = ()) -> dict[str, JsonNode]:
        """An object with known keys; an unknown or missing one is an error."""
        required = tuple(required)
        known = {*required, *optional}
        found = self.members()
        for key in found:
            if key not in known:
                self.fail(f"unknown key {key!r}{did_you_mean(key, known)}")
        for key in required:
            if key not in found:
                self.fail(f"the key {key!r} is missing; add it")
        return found

    def items(self, *, nonempty: bool = False) -> list[JsonNode]:
        """A list."""
        value = self.value
        if not isinstance(value, Sequence) or isinstance(value, str):
            self.fail(f"expected a list, found {_kind(self.value)}")
        found = cast("Sequence[object]", value)
        if nonempty and not found:
            self.fail("expected at least one element, the list is empty")
        return [JsonNode(value, self.file, f"{self.path}[{index}]") for index, value in enumerate(found)]

    def string(self, *, choices: Iterable[str] | None = None) -> str:
        """A string that is not empty; one of ``choices`` if given."""
        if not isinstance(self.value, str):
            self.fail(f"expected a string, found {_kind(self.value)}")
        if not self.value:
            self.fail("expected a string that is not empty")
        if choices is not None and self.value not in (known := tuple(choices)):
            self.fail(f"unknown value {self.value!r}{did_you_mean(self.value, known)}")
        return self.value

    def integer(self, *, minimum: int | None = None, maximum: int | None = None) -> int:
        """An integer within the given bounds (inclusive)."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.fail(f"expected an integer, found {_kind(self.value)}")
        self._bound(self.value, minimum, maximum)
        return self.value

    def number(self, *, minimum: float | None = None, maximum: float | None = None) -> float:
        """A number within the given bounds (inclusive)."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            self.fail(f"expected a number, found {_kind(self.value)}")
        self._bound(self.value, minimum, maximum)
        return float(self.value)

    def boolean(self) -> bool:
        """``true`` or ``false``."""
        if not isinstance(self.value, bool):
            self.fail(f"expected true or false, found {_kind(self.value)}")
        return self.value

    def _bound(self, value: float, minimum: float | None, maximum: float | None) -> None:
        if minimum is not None and value < minimum:
            self.fail(f"{value} is too small; the least value is {minimum}")
        if maximum is not None and value > maximum:
            self.fail(f"{value} is too large; the greatest value is {maximum}")


class _DuplicateKeyError(ValueError):
    pass


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(f"the key {key!r} occurs twice in one object; remove one")
        found[key] = value
    return found


def _no_constant(word: str) -> NoReturn:
    raise _DuplicateKeyError(f"{word} is not JSON; write a number")


def parse(text: str, file: str) -> JsonNode:
    """The root of the JSON text ``text``, called ``file`` in messages.

    Raises:
        ConstraintsError: it is no JSON (names line and column), or an object has a key twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConstraintsError(
            f"{file}: line {error.lineno}, column {error.colno}: malformed JSON: {error.msg}"
        ) from error
    except _DuplicateKeyError as error:
        raise ConstraintsError(f"{file}: {error}") from error
    except (RecursionError, ValueError) as error:
        raise ConstraintsError(f"{file}: malformed JSON: {error}") from error
    return JsonNode(value, file)


def load(path: Path) -> JsonNode:
    """The root of the JSON file ``path``.

    Raises:
        ConstraintsError: it cannot be read, is no UTF-8 text or no JSON.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConstraintsError(f"{path}: cannot be read: {error.strerror or error}; check the path") from error
    except UnicodeDecodeError as error:
        raise ConstraintsError(f"{path}: not UTF-8 text (byte {error.start}); is it a JSON file?") from error
    return parse(text, str(path))


def _value(node: JsonNode) -> ParameterValue:
    value = node.value
    if not isinstance(value, int | str) or isinstance(value, bool):
        node.fail(f"expected an integer or a string, found {_kind(value)}")
    return value


def _range(node: JsonNode, low: int, high: int, step: int) -> tuple[ParameterValue, ...]:
    if low > high:
        node.fail(f"ParamLow {low} > ParamHigh {high}; swap them")
    count = (high - low) // step + 1  # len(range()) fails beyond 2^63
    if count > MAXIMUM_VALUES:
        node.fail(f"{count} values are too many; the most is {MAXIMUM_VALUES}")
    return tuple(range(low, high + 1, step))


def parameter_values(node: JsonNode, *, optional: Sequence[str] = ()) -> tuple[ParameterValue, ...]:
    """The values of a parameter, in order: ``{ParamLow, ParamHigh[, ParamStep]}`` (both ends included),
    ``{ParamValues: [...]}``, or a constant (one value).

    ``optional`` are further keys that the object may have.

    Raises:
        ConstraintsError: it is none of these, the range is empty, or a value occurs twice.
    """
    if not isinstance(node.value, Mapping):
        return (_value(node),)
    keys = node.fields(optional=("ParamLow", "ParamHigh", "ParamStep", "ParamValues", *optional))
    if "ParamValues" not in keys:
        keys = node.fields(required=("ParamLow", "ParamHigh"), optional=("ParamStep", *optional))
        step = keys["ParamStep"].integer(minimum=1) if "ParamStep" in keys else 1
        return _range(node, keys["ParamLow"].integer(), keys["ParamHigh"].integer(), step)
    for other in ("ParamLow", "ParamHigh", "ParamStep"):
        if other in keys:
            node.fail(f"ParamValues and {other} exclude each other; keep a range or a list")
    values: list[ParameterValue] = []
    for entry in keys["ParamValues"].items(nonempty=True):
        value = _value(entry)
        if value in values:
            entry.fail(f"the value {shown(value)} occurs twice; remove one")
        values.append(value)
    return tuple(values)
