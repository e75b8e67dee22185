"""The pass API: what a pass is, how it is registered, named on the command line and run.

How to write a pass::

    @passes.register
    @dataclass(frozen=True)
    class ReciprocalDivision(passes.Pass):
        \"\"\"Replace a division by a constant with a multiplication by its reciprocal.\"\"\"

        name: ClassVar[str] = "reciprocal-division"
        exact_only: bool = True            # a field is an option: reciprocal-division{exact_only=false}

        def apply(self, module: Module) -> Module:
            def rule(site: Site, builder: ir.IRBuilder) -> ir.Value | None:
                ...                        # build the replacement, or return None to keep the site
            return passes.rewrite(module, rule)

The contract: the module verifies before and after; in between anything goes. A pass rewrites the IR in place and
returns the module with its facts updated; the one it was given must not be used afterwards. Only instructions with site
metadata (:meth:`asnet.ir.Module.sites`) stand for arithmetic of the network.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import entry_points
from typing import ClassVar, TypeVar, get_type_hints

from asnet.errors import PassError, did_you_mean
from asnet.ir import Module, verify

__all__ = ["Pass", "parse_pass", "register", "registered_passes", "run_passes"]


class Pass(ABC):
    """One IR rewrite. Subclasses are frozen dataclasses; their fields (bool, int, float, str, with defaults) are its
    options; the first line of their docstring is its help.
    """

    name: ClassVar[str]

    def __str__(self) -> str:
        """The pass as :func:`parse_pass` reads it: ``name{option=value,…}``."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        words = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in values.items()]
        return f"{self.name}{{{','.join(words)}}}" if words else self.name

    @abstractmethod
    def apply(self, module: Module) -> Module:
        """Rewrite ``module`` in place; the module with its facts updated."""


PassType = TypeVar("PassType", bound=type[Pass])

_REGISTRY: dict[str, type[Pass]] = {}


def register(pass_type: PassType) -> PassType:
    """Class decorator: make the pass known by its name.

    Raises:
        PassError: another class has the name; both owners are named.
    """
    known = _REGISTRY.setdefault(pass_type.name, pass_type)
    if known is not pass_type and (known.__module__, known.__qualname__) != (
        pass_type.__module__,
        pass_type.__qualname__,
    ):
        raise PassError(
            f"two passes are called {pass_type.name!r}: {known.__module__}.{known.__qualname__} and "
            f"{pass_type.__module__}.{pass_type.__qualname__}; rename one"
        )
    _REGISTRY[pass_type.name] = pass_type
    return pass_type


def registered_passes() -> dict[str, type[Pass]]:
    """Name → class of every known pass, those of installed plug-ins (entry points ``asnet.passes``) included."""
    for point in entry_points(group="asnet.passes"):
        register(point.load())
    return dict(sorted(_REGISTRY.items()))


@dataclass(frozen=True)
class _Option:
    name: str
    type: type

    def parse(self, text: str, where: str) -> object:
        if self.type is bool:
            if text not in {"true", "false"}:
                raise PassError(f"{where}: {self.name}={text!r} is not true or false")
            return text == "true"
        try:
            return self.type(text)
        except ValueError:
            raise PassError(f"{where}: {self.name}={text!r} is not of type {self.type.__name__}") from None


def pass_options(pass_type: type[Pass]) -> dict[str, _Option]:
    """Name → option of a pass, from its dataclass fields."""
    hints = get_type_hints(pass_type)
    return {field.name: _Option(field.name, hints[field.name]) for field in fields(pass_type)}  # type: ignore[arg-type]


def parse_pass(text: str) -> Pass:
    """The pass written ``name`` or ``name{option=value,option=value}``.

    Raises:
        PassError: unknown pass or option, or a value of the wrong type.
    """
    found = re.fullmatch(r"\s*([\w-]+)\s*(?:\{(.*)\})?\s*", text)
    if found is None:
        raise PassError(f"cannot read pass {text!r}; write name or name{{option=value,option=value}}")
    name, arguments = found[1], found[2] or ""
    known = registered_passes()
    if name not in known:
        raise PassError(f"unknown pass {name!r}{did_you_mean(name, known)}")
    options = pass_options(known[name])
    values: dict[str, object] = {}
    for item in filter(None, (part.strip() for part in arguments.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or key not in options:
            raise PassError(f"pass {name!r}: unknown option {key!r}{did_you_mean(key, options)}")
        values[key] = options[key].parse(value, f"pass {name!r}")
    return known[name](**values)


def run_passes(module: Module, passes: Sequence[Pass]) -> Module:
    """Run ``passes`` in order, verifying the module after each.

    Raises:
        PassError: a pass left the module invalid; the pass is named.
    """
    for step in passes:
        module = step.apply(module)
        try:
            verify(module)
        except PassError as error:
            raise PassError(f"pass {step.name!r} left an invalid module: {error}") from error
    return module
