"""Inline multi-echo GRE reconstruction: k-space in over MRD, images, QSM and SWI out.

>>> import streamrecon as sr
>>> sr.Quantity.CHI.unit
'ppm'

`import streamrecon` loads nothing; what ``__init__.pyi`` lists is loaded when it is first used.
"""

from importlib.metadata import version

from streamrecon.lazy import listed_in_stub

__version__ = version("streamrecon")
__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
