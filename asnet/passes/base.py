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

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import entry_points
from typing import ClassVar, SupportsIndex, TypeVar, cast, get_type_hints

from asnet.errors import AsnetError, PassError, did_you_mean
from asnet.ir import Module, verify
from asnet.passes.source import ClassSource, failure

__all__ = ["Pass", "parse_pass", "register", "registered_passes", "run_passes"]


class Pass(ABC):
    """One IR rewrite. Subclasses are frozen dataclasses; their fields (bool, int, float, str, with defaults) are its
    options; the first line of their docstring is its help. :func:`parse_pass` sets ``origin`` and ``digest`` of a class
    that is named by its place: the place, and the digest of the file.
    """

    name: ClassVar[str]
    origin: ClassVar[str] = ""
    digest: ClassVar[str] = ""

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        """Another process finds the class by its place."""
        return (parse_pass, (str(self), self.digest)) if self.origin else super().__reduce_ex__(protocol)

    def __str__(self) -> str:
        """The pass as :func:`parse_pass` reads it: ``name{option=value,…}``, or ``file.py:Class{option=value,…}``."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        words = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in values.items()]
        name = self.origin or self.name
        return f"{name}{{{','.join(words)}}}" if words else name

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


_WRITTEN = re.compile(r"\s*([\w-]+|[^{]+:[A-Za-z_]\w*)\s*(?:\{(.*)\})?\s*", re.DOTALL)


def parse_pass(text: str, digest: str = "") -> Pass:
    """The pass written ``name`` or ``name{option=value,option=value}``.

    ``name`` is that of a registered pass, or the place of a class: ``path/to/file.py:Class``, ``package.module:Class``.
    ``digest``, if given, is what the file must have.

    Raises:
        PassError: unknown pass or option, a value of the wrong type; a file that is missing, has changed or cannot be
            imported, or holds no such pass.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise PassError(
            f"cannot read pass {text!r}; write name or name{{option=value,option=value}}, where name is a known pass, "
            "path/to/file.py:Class or module:Class"
        )
    name, arguments = found[1], found[2] or ""
    pass_type = _placed(ClassSource.parse(name), digest) if ":" in name else _registered(name)
    options = pass_options(pass_type)
    values: dict[str, object] = {}
    for item in filter(None, (part.strip() for part in arguments.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or key not in options:
            raise PassError(f"pass {name!r}: unknown option {key!r}{did_you_mean(key, options)}")
        values[key] = options[key].parse(value, f"pass {name!r}")
    try:
        return pass_type(**values)
    except TypeError as error:  # an option without a default, a method that is missing
        raise PassError(f"pass {name!r} cannot be made: {error}; give every option a default") from error


def _registered(name: str) -> type[Pass]:
    known = registered_passes()
    if name not in known:
        raise PassError(f"unknown pass {name!r}{did_you_mean(name, known)}")
    return known[name]


def _placed(source: ClassSource, digest: str) -> type[Pass]:
    now = source.digest
    if digest and not now.startswith(digest):
        raise PassError(
            f"pass {str(source)!r}: the file {str(source.path)!r} has changed (digest {now[:12]}…, then "
            f"{digest[:12]}…); explore again, or bring back what it was"
        )
    found = source.load()
    if not (isinstance(found, type) and issubclass(found, Pass)):
        raise PassError(f"pass {str(source)!r} is no pass; make it a subclass of asnet.passes.Pass")
    if not is_dataclass(found) or not getattr(found, "name", ""):
        raise PassError(f'pass {str(source)!r} must be a frozen dataclass with a name: ClassVar[str] = "…"')
    found.origin, found.digest = str(source), now
    return found


def run_passes(module: Module, passes: Sequence[Pass]) -> Module:
    """Run ``passes`` in order, verifying the module after each.

    Raises:
        PassError: a pass failed or left the module invalid; the pass is named.
    """
    for step in passes:
        module = _applied(step, module)
        try:
            verify(module)
        except PassError as error:
            raise PassError(f"pass {step.name!r} left an invalid module: {error}") from error
    return module


def _applied(step: Pass, module: Module) -> Module:
    try:
        result = cast(object, step.apply(module))
    except AsnetError:
        raise
    except Exception as error:  # whatever the user's code raises
        file = inspect.getfile(type(step))
        raise PassError(f"pass {step.name!r} failed: {failure(error, file)}") from error
    if not isinstance(result, Module):
        raise PassError(f"pass {step.name!r} returned {result!r}; return the module")
    return result
