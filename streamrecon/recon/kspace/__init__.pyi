from streamrecon.recon.kspace.assemble import Assembler as Assembler
from streamrecon.recon.kspace.assemble import HybridSpace as HybridSpace
from streamrecon.recon.kspace.assemble import KSpace as KSpace
from streamrecon.recon.kspace.central_kspace import CentralLines as CentralLines
from streamrecon.recon.kspace.coil_compression import compressed as compressed
from streamrecon.recon.kspace.coil_compression import compression_matrix as compression_matrix
from streamrecon.recon.kspace.encoding_grid import Grid as Grid
from streamrecon.recon.kspace.encoding_grid import grid_of as grid_of
from streamrecon.recon.kspace.filled_lines import ExpectedLines as ExpectedLines
from streamrecon.recon.kspace.geometric_coil_compression import (
    compressed_along_x as compressed_along_x,
)
from streamrecon.recon.kspace.geometric_coil_compression import matrices_along_x as matrices_along_x
from streamrecon.recon.kspace.navigator import navigator_phase as navigator_phase
from streamrecon.recon.kspace.navigator import turned_back as turned_back
from streamrecon.recon.kspace.noise import dead_channels as dead_channels
from streamrecon.recon.kspace.noise import edge_noise as edge_noise
from streamrecon.recon.kspace.noise import noise_covariance as noise_covariance
from streamrecon.recon.kspace.noise import whitening_matrix as whitening_matrix
from streamrecon.recon.kspace.readout import ReadoutTransform as ReadoutTransform
from streamrecon.recon.kspace.scan_quality import unusable_lines as unusable_lines
