"""Passes that are not registered: a class in a Python file, ``file.py:Class``, or in a module, ``package.mod:Class``.

The file (of a module: its source file) is identified by the digest of its content, so that a study or a configuration
that was made with it is not used with another one. What the file imports is not looked at.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from asnet.cache import digest
from asnet.errors import PassError, did_you_mean

__all__ = ["ClassSource", "failure"]


def failure(error: Exception, file: str) -> str:
    """What ``error`` says, and the last line of ``file`` that it came through: ``TypeError: … (passes.py:12)``."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    place = f" ({file}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


@dataclass(frozen=True)
class ClassSource:
    """Where a class is: ``module`` is a name, or empty if it is the file ``path``."""

    path: Path
    module: str
    name: str

    @classmethod
    def parse(cls, text: str) -> ClassSource:
        """The place written ``file.py:Class`` or ``package.module:Class``.

        Raises:
            PassError: there is no such file or module.
        """
        where, _, name = text.rpartition(":")
        if where.endswith(".py"):
            path = Path(where).resolve()
            if not path.is_file():
                raise PassError(f"pass {text!r}: no file {where!r}; write path/to/file.py:Class")
            return cls(path, "", name)
        try:
            spec = importlib.util.find_spec(where)
        except (ImportError, ValueError):
            spec = None
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            raise PassError(f"pass {text!r}: no module {where!r} is installed; for a file write path/to/file.py:{name}")
        return cls(Path(spec.origin), where, name)

    def __str__(self) -> str:
        return f"{self.module or self.path}:{self.name}"

    @property
    def digest(self) -> str:
        """SHA-256 of the file.

        Raises:
            PassError: it cannot be read.
        """
        try:
            return digest([self.path.read_bytes()])
        except OSError as error:
            raise PassError(f"pass {str(self)!r}: the file cannot be read: {error.strerror or error}") from error

    def load(self) -> object:
        """The class (or whatever it is).

        Raises:
            PassError: the file cannot be imported, or has nothing of that name.
        """
        try:
            module = importlib.import_module(self.module) if self.module else self._imported()
        except SyntaxError as error:
            raise PassError(f"pass {str(self)!r}: {error.filename}:{error.lineno}: {error.msg}") from error
        except PassError:
            raise
        except Exception as error:  # whatever the user's file raises
            raise PassError(f"pass {str(self)!r}: importing it fails: {failure(error, str(self.path))}") from error
        if not hasattr(module, self.name):
            names = [
                name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
            ]
            raise PassError(f"pass {str(self)!r}: no class {self.name!r} there{did_you_mean(self.name, names)}")
        return getattr(module, self.name)

    def _imported(self) -> ModuleType:
        """The file as a module, imported once for each content."""
        title = f"asnet_pass_{digest([str(self.path)])[:16]}"
        content = self.digest
        known = sys.modules.get(title)
        if known is not None and known.__dict__.get("__asnet_digest__") == content:
            return known
        spec = importlib.util.spec_from_file_location(title, self.path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        module.__dict__["__asnet_digest__"] = content
        sys.modules[title] = module  # dataclasses look their module up
        try:
            code = compile(self.path.read_bytes(), str(self.path), "exec")  # not from a cache that goes by time
            exec(code, module.__dict__)
        except BaseException:
            del sys.modules[title]
            raise
        return module
