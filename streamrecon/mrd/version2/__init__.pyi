from streamrecon.mrd.version2.stream import Mrd2Writer as Mrd2Writer
from streamrecon.mrd.version2.stream import read_mrd2 as read_mrd2
