from streamrecon.recon.images.bipolar_readout import without_bipolar_phase as without_bipolar_phase
from streamrecon.recon.images.coil_combination import combine_coils as combine_coils
from streamrecon.recon.images.coil_combination import combine_each_echo as combine_each_echo
from streamrecon.recon.images.downsample import downsampled as downsampled
from streamrecon.recon.images.partial_fourier import fill_by_pocs as fill_by_pocs
from streamrecon.recon.kspace.assemble import Assembler as Assembler
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
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities as Sensitivities
from streamrecon.recon.parallel.coil_sensitivities import (
    estimate_sensitivities as estimate_sensitivities,
)
from streamrecon.recon.parallel.espirit import sensitivities_by_espirit as sensitivities_by_espirit
from streamrecon.recon.parallel.grappa import estimate_kernels as estimate_kernels
from streamrecon.recon.parallel.grappa import unmix_with as unmix_with
from streamrecon.recon.parallel.sense import unmix_by_sense as unmix_by_sense
