"""Inline multi-echo GRE reconstruction: k-space in over MRD, images, QSM and SWI out."""

from importlib.metadata import version

__version__ = version("streamrecon")
