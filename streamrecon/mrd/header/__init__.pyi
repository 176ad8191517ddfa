from streamrecon.mrd.header.noise_dependency import noise_link as noise_link
from streamrecon.mrd.header.placement import place as place
from streamrecon.mrd.header.protocol import read_protocol as read_protocol
