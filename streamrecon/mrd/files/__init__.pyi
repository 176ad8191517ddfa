from streamrecon.mrd.files.hdf5_process import read_images as read_images
from streamrecon.mrd.files.hdf5_process import read_scan as read_scan
from streamrecon.mrd.files.hdf5_writer import FileWriter as FileWriter
from streamrecon.mrd.files.open_scan import header_of as header_of
from streamrecon.mrd.files.open_scan import lines_of as lines_of
from streamrecon.mrd.files.plain_stream import read_messages as read_messages
from streamrecon.mrd.files.plain_stream import read_stream as read_stream
from streamrecon.mrd.files.plain_stream import write_stream as write_stream
