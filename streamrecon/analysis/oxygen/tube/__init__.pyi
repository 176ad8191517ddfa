from streamrecon.analysis.oxygen.tube.tube_fit import TubeFit as TubeFit
from streamrecon.analysis.oxygen.tube.tube_fit import fit_tube as fit_tube
from streamrecon.analysis.oxygen.tube.tube_image import VesselImage as VesselImage
from streamrecon.analysis.oxygen.tube.tube_image import cross_section as cross_section
from streamrecon.analysis.oxygen.tube.tube_image import vessel_image as vessel_image
from streamrecon.analysis.oxygen.tube.tube_texture import VoxelBox as VoxelBox
from streamrecon.analysis.oxygen.tube.tube_transform import radial_tables as radial_tables
