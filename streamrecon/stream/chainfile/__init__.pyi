from streamrecon.stream.chainfile.build import build_chain as build_chain
from streamrecon.stream.chainfile.catalogue import catalogue_text as catalogue_text
from streamrecon.stream.chainfile.library import chain_file_names as chain_file_names
from streamrecon.stream.chainfile.library import find_chain_file as find_chain_file
from streamrecon.stream.chainfile.parse import read_chain as read_chain
