"""Formulas as MathML, which browsers show by themselves: no script, no network.

The converter is that of Docutils. It knows the common commands of LaTeX; one that it
does not know is a warning.
"""

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def visit_math(writer, node):
    _write(writer, node, "span", as_block=False)


def visit_displaymath(writer, node):
    _write(writer, node, "div", as_block=True)


def _write(writer, node, tag, as_block):
    try:
        formula = latex2mathml.tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logger.warning("%s", error, location=node)
        formula = writer.encode(node.astext())
    start = writer.starttag(node, tag, "", CLASS="math notranslate nohighlight")
    writer.body.append(f"{start}{formula}</{tag}>")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
