"""From the sources a unit names to the Verilog texts of one instance: templates rendered, sub-modules found.

Templates are jinja2 in a sandbox (a unit may come from a stranger), with ``StrictUndefined``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from asnet.errors import UnitError
from asnet.jsonfile import ParameterValue
from asnet.units.tokens import defined_modules, includes, instantiated_modules

__all__ = ["VerilogFile", "is_template", "read_verilog", "render_sources"]

_TEMPLATE_SUFFIX: Final = ".j2"


@dataclass(frozen=True)
class VerilogFile:
    """A rendered source: its name in generated folders, its text, and the file it was made from (for messages)."""

    name: str
    text: str
    origin: Path = field(compare=False)

    @property
    def is_source(self) -> bool:
        """Whether it is compiled by itself (an included header is not)."""
        return self.name.endswith((".v", ".sv"))


def is_template(name: str) -> bool:
    """Whether the source ``name`` is a jinja2 template."""
    return name.endswith(_TEMPLATE_SUFFIX)


def _environment() -> jinja2.Environment:
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )


def read_verilog(path: Path) -> str:
    """The text of a Verilog file: UTF-8, or Latin-1 where it is no UTF-8 (comments of old libraries).

    Raises:
        UnitError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character or a lone surrogate in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UnitError(f"cannot read {str(path)!r}: {reason}; check the path") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _render(source: str, name: str, context: Mapping[str, object]) -> str:
    """``source``, called ``name`` in messages, rendered with ``context``."""
    try:
        return _environment().from_string(source).render(context)
    except jinja2.TemplateSyntaxError as error:
        raise UnitError(f"{name}: line {error.lineno}: malformed template: {error.message}") from error
    except Exception as error:  # a template runs its author's expressions: anything may come out
        known = ", ".join(context)
        raise UnitError(
            f"{name}: line {_template_line(error)}: {type(error).__name__}: {error}; a template may use: {known}"
        ) from error


def _template_line(error: BaseException) -> int:
    """The line of the template at which ``error`` was raised (jinja2 rewrites the traceback to template lines)."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _listed(
    sources: Sequence[str], folders: Sequence[Path], context: Mapping[str, object], unit: str, module: str
) -> list[VerilogFile]:
    """The files that the unit names itself."""
    found: dict[str, VerilogFile] = {}
    for index, entry in enumerate(sources):
        name = _render(entry, f"unit {unit!r}: verilog[{index}]", context) if "{{" in entry else entry
        path = _find(name, folders)
        if path is None:
            looked = ", ".join(repr(str(folder)) for folder in folders)
            raise UnitError(f"unit {unit!r}: the Verilog file {name!r} was not found; looked in {looked}")
        text, shown = read_verilog(path), Path(name).name
        if is_template(name):
            text = _render(text, str(path), context)
            stem = shown.removesuffix(_TEMPLATE_SUFFIX)
            shown = f"{module}{Path(stem).suffix}" if index == 0 else f"{module}_{stem}"
        found.setdefault(shown, VerilogFile(shown, text, path))
    return list(found.values())


def _with_dependencies(files: Sequence[VerilogFile], folders: Sequence[Path]) -> tuple[VerilogFile, ...]:
    """``files`` and what they reach for: ``<module>.v`` of modules that none of them defines, included headers.

    A name for which there is no file is left for Verilator to report.
    """
    result = list(files)
    names = {file.name for file in result}
    defined = {module for file in result for module in defined_modules(file.text)}

    def add(name: str, places: Sequence[Path]) -> None:
        path = None if name in names else _find(name, places)
        if path is not None:
            names.add(name)
            result.append(VerilogFile(name, read_verilog(path), path))
            defined.update(defined_modules(result[-1].text))

    position = 0
    while position < len(result):
        file = result[position]
        position += 1
        for header, _ in includes(file.text):
            if header and not Path(header).is_absolute() and ".." not in Path(header).parts:
                add(header, [file.origin.parent, *folders])
        for module in instantiated_modules(file.text):
            if module not in defined:
                add(f"{module}.v", [file.origin.parent, *folders])
    return tuple(result)


def render_sources(
    sources: Sequence[str],
    *,
    unit: str,
    module: str,
    parameters: Mapping[str, ParameterValue],
    folders: Sequence[Path],
) -> tuple[VerilogFile, ...]:
    """The Verilog files of an instance, the one with the top module first.

    Args:
        sources: names of files; a name may itself be a template, a ``.j2`` is rendered.
        unit: the unit's name, for messages.
        module: what ``{{ module }}`` gives, the name of the top module.
        parameters: what a template may use beside ``module``.
        folders: where the files are looked for, in order.

    Raises:
        UnitError: a file is missing, a template is malformed or uses what there is not, or the top module is not in
            the first file.
    """
    context: dict[str, object] = {**parameters, "module": module}
    files = _listed(sources, folders, context, unit, module)
    top = files[0]
    modules = defined_modules(top.text)
    if module not in modules:
        advice = (
            "write `module {{ module }}` in the template"
            if is_template(sources[0])
            else f'set "module" to one of: {", ".join(modules) or "none is defined"}'
        )
        raise UnitError(f"{top.origin}: unit {unit!r}: no module {module!r} in this file; {advice}")
    return _with_dependencies(files, folders)
