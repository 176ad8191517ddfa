from streamrecon.recon.images.bipolar_readout import without_bipolar_phase as without_bipolar_phase
from streamrecon.recon.images.coil_combination import combine_coils as combine_coils
from streamrecon.recon.images.coil_combination import combine_each_echo as combine_each_echo
from streamrecon.recon.images.downsample import downsampled as downsampled
from streamrecon.recon.images.partial_fourier import fill_by_pocs as fill_by_pocs
