"""The site: the pages of this folder, the book with its cells run, and a reference from the docstrings.

Nothing in it comes from elsewhere when it is read: fonts and scripts are its own, formulas are MathML.
"""

import importlib
import inspect
import os
import re
from pathlib import Path
from typing import Annotated, get_args, get_origin

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).parent
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # in the kernels too

import seqkit  # noqa: E402 (Keras reads its backend when it is imported)

project, author = "seqkit", "the authors of seqkit"
version = release = seqkit.__version__
copyright = author
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"seqkit {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
highlight_language = "none"  # commands, where a block doesn't say
pygments_style, pygments_dark_style = "friendly", "monokai"
default_role = "literal"  # of `names` in docstrings

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["ref.python"]  # a word that two classes have as an attribute
nb_execution_mode = "cache"  # a page's cells are run again when its code changes
nb_execution_cache_path = str(HERE.parent / "build" / "cells")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "none"  # the docstrings give shapes and units
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# an accented letter with an index, which docutils would set below it: \hat y_t
ACCENTED = re.compile(r"(\\(?:hat|tilde|bar|vec|dot)\s*(?:\{[^{}]*\}|\\?[A-Za-z]+?(?![a-z])))(?=\s*[_^])")


def _mathml(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    block = isinstance(node, nodes.math_block)
    try:
        formula = tex2mathml(ACCENTED.sub(r"{{}\1}", node.astext()), as_block=block)
    except MathError as error:
        raise ExtensionError(f"{node.source}, line {node.line}: {error} Write the formula otherwise.") from None
    translator.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _plain(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Our docstrings are plain text with `names`, up to their example: no star or underscore in them is markup."""
    for number, line in enumerate(lines):
        if line.strip() == "Example:":
            return
        if not re.match(r"\s*\*+\w+:", line):
            parts = line.split("`")
            parts[::2] = [re.sub(r"\*|_\b", r"\\\g<0>", part) for part in parts[::2]]
            lines[number] = "`".join(parts)


def _foreign(app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object) -> bool | None:
    """What a class has from elsewhere is documented there."""
    return None if (getattr(thing, "__module__", None) or "seqkit").startswith("seqkit") else True


def _directive(path: str) -> str:
    """What a public name is documented by."""
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, Exception) else "autoclass"
        return f".. {kind}:: {path}\n   :members:\n"
    if callable(thing) and not get_origin(thing):
        return f".. autofunction:: {path}\n"
    thing = get_args(thing)[0] if get_origin(thing) is Annotated else thing
    value = sorted(thing) if isinstance(thing, frozenset) else thing
    return f".. py:data:: {path}\n   :value: {value if get_origin(thing) else repr(value)}\n"


def _write_reference(app: Sphinx, config: object) -> None:
    """reference/*.md, one for each group of names in api.md."""
    folder = HERE / "reference"
    folder.mkdir(exist_ok=True)
    page = (HERE / "api.md").read_text(encoding="utf-8")
    for title, lines in re.findall(r"^## (.+?)\n+```\n(.*?)```", page, re.MULTILINE | re.DOTALL):
        names = [line.partition("(")[0] for line in lines.splitlines()]
        lead = "The examples assume what [a few lines](../examples.md) make."
        text = f"# {title}\n\n{lead}\n\n```{{eval-rst}}\n" + "\n".join(map(_directive, names)) + "```\n"
        file = folder / (re.sub(r"\W+", "_", title.lower()).strip("_") + ".md")
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # what is written is built again
            file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", inline_renderers=(_mathml, None), block_renderers=(_mathml, None))
    app.connect("config-inited", _write_reference)
    app.connect("autodoc-process-docstring", _plain, priority=400)  # before its sections are read
    app.connect("autodoc-skip-member", _foreign)
