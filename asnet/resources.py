"""Where the shipped files are: ``verilog/``, ``templates/`` and ``constraints/``, in a checkout or in a wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

__all__ = ["constraints_dir", "render", "templates_dir", "verilog_dir"]

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def verilog_dir() -> Path:
    """Folder of the shipped units and operators (``<name>.v`` + ``<name>.json``)."""
    return _shipped("verilog")


def templates_dir() -> Path:
    """Folder of the jinja2 templates of everything ASNet generates."""
    return _shipped("templates")


def constraints_dir() -> Path:
    """Folder of the JSON Schemas and the ready constraints files."""
    return _shipped("constraints")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # generates Verilog and C++, never HTML from foreign text
    )


def render(template: str, **values: object) -> str:
    """The shipped template ``template`` (path below ``templates/``) rendered with ``values``."""
    return _environment().get_template(template).render(**values)
