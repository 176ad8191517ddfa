from streamrecon.api.files import read as read
from streamrecon.api.files import volume as volume
from streamrecon.api.files import write as write
from streamrecon.api.maps import r2star as r2star
from streamrecon.api.maps import swi as swi
from streamrecon.api.maps import unwrap as unwrap
from streamrecon.api.maps import vein_mask as vein_mask
from streamrecon.api.qsm import invert as invert
from streamrecon.api.qsm import local_field as local_field
from streamrecon.api.qsm import susceptibility as susceptibility
from streamrecon.api.qsm import total_field as total_field
from streamrecon.api.scans import Progress as Progress
from streamrecon.api.scans import reconstruct as reconstruct
from streamrecon.api.scans import send as send
from streamrecon.api.server import Server as Server
from streamrecon.errors import StreamReconError as StreamReconError
from streamrecon.model.geometry import Geometry as Geometry
from streamrecon.model.images import Volume as Volume
from streamrecon.model.notice import Level as Level
from streamrecon.model.notice import Notice as Notice
from streamrecon.model.outputs.quantities import Quantity as Quantity

__version__: str
