"""Compiles the native core where there are a C compiler and Python's headers.

Everything else about the package stands in setup.cfg, which can declare no extension module. Where
compiling fails, the installation goes on without it, and ``why.txt`` beside the core says why.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NAME = "autograd.core.native.core"
# Numbers are to be Python's to the last bit, whatever CFLAGS allow: these come behind them. No
# product and sum are rounded at once, and nothing is rewritten that is equal for real numbers only.
# The linker is told too: for -ffast-math it would switch off small numbers in the whole process.
UNIX = ["-O2", "-ffp-contract=off", "-fno-fast-math", "-fno-unsafe-math-optimizations"]
UNIX += ["-fno-associative-math", "-fno-reciprocal-math", "-fno-finite-math-only", "-fsigned-zeros"]
MSVC = ["/O2", "/fp:precise"]
ERROR = re.compile(r"\berror( \w+)?:")  # in what a compiler says


class BuildCore(build_ext):
    """Compiles the core, or makes of the whole a package in Python."""

    def run(self) -> None:
        """Try it, and go on without it."""
        module = Path(self.get_ext_fullpath(NAME))  # among the sources if the install is editable
        why = module.with_name("why.txt")
        self.force = True  # CFLAGS or the operations may have changed, and it takes seconds
        said: list[str] = []
        try:
            for made_before in (module, why):
                made_before.unlink(missing_ok=True)
            with heard(said):
                super().run()
        except Exception as error:
            complaint = next(filter(ERROR.search, said), str(error)).strip()
            with contextlib.suppress(OSError):
                why.parent.mkdir(parents=True, exist_ok=True)
                why.write_text(f"{complaint}\n", encoding="utf-8")
            # A wheel of what is left fits every Python, and is named for that.
            self.extensions = self.distribution.ext_modules = []
            wheel = self.distribution.get_command_obj("bdist_wheel", create=False)
            if wheel is not None:
                wheel.root_is_pure = True

    def build_extension(self, ext: Extension) -> None:
        """Compile it by these flags, with the operations as the table has them today."""
        header = Path(self.build_temp, "operations.h")
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(operations(), encoding="utf-8")
        ext.include_dirs.append(str(header.parent))
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args = MSVC
        else:
            ext.extra_compile_args = ext.extra_link_args = UNIX
        super().build_extension(ext)


def operations() -> str:
    """The C of the operations, written by the package that is being built."""
    os.environ["STEPGRAD_CORE"] = "python"  # and not by a core that was compiled before
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from autograd.core.native import build

    return build.operations()


@contextlib.contextmanager
def heard(lines: list[str]) -> Iterator[None]:
    """Take down what is printed within, by compilers as well; then print it."""
    os.environ["LC_ALL"] = "C"  # in English
    streams = (sys.stdout, sys.stderr)
    with tempfile.TemporaryFile() as file:
        for stream in streams:
            stream.flush()
        kept = [os.dup(descriptor) for descriptor in (1, 2)]
        try:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
            yield
        finally:
            for stream in streams:
                stream.flush()
            for descriptor, former in zip((1, 2), kept):
                os.dup2(former, descriptor)
                os.close(former)
            file.seek(0)
            text = file.read()
            os.write(1, text)
            lines += text.decode(errors="replace").splitlines()


supported = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
core = Extension(NAME, [NAME.replace(".", "/") + ".c"])
options = {}
if not os.access(os.path.dirname(os.path.abspath(__file__)), os.W_OK):
    elsewhere = tempfile.TemporaryDirectory()  # for what is otherwise built among the sources
    options = {"build": {"build_base": elsewhere.name}, "egg_info": {"egg_base": elsewhere.name}}
setup(ext_modules=[core] if supported else [], cmdclass={"build_ext": BuildCore}, options=options)
