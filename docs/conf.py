"""The site: Markdown pages and the docstrings' API, without anything from a network."""

import re
from importlib.metadata import version as _version

from docutils.nodes import SkipNode, math, math_block
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

project = "streamrecon"
author = "The streamrecon authors"
copyright = "2026, the streamrecon authors"  # noqa: A001  (Sphinx's name for it)
release = version = _version("streamrecon")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"streamrecon {release}"
html_copy_source = False
html_math_renderer = "mathml"

myst_heading_anchors = 4  # as GitHub makes them, so that one link serves both

autodoc_typehints = "description"
autodoc_member_order = "bysource"
default_role = "code"
# Annotations are bare names, and two packages may each have a class of one name.
suppress_warnings = ["ref.python"]


def _inline(writer: HTML5Translator, node: math) -> None:
    writer.body.append(_mathml(node.astext(), as_block=False))
    raise SkipNode


def _block(writer: HTML5Translator, node: math_block) -> None:
    writer.body.append(f"<div class='math'>{_mathml(node.astext(), as_block=True)}</div>")
    raise SkipNode


def _mathml(tex: str, *, as_block: bool) -> str:
    sized = re.sub(r"\\(big|Big)(?![a-z])", r"\\\1l", tex)  # docutils knows sizes with a side only
    return str(tex2mathml(sized, as_block=as_block))


def setup(app: Sphinx) -> None:
    """Formulas as MathML, which browsers draw without a script."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
