from streamrecon.recon.parallel.coil_sensitivities import Sensitivities as Sensitivities
from streamrecon.recon.parallel.coil_sensitivities import (
    estimate_sensitivities as estimate_sensitivities,
)
from streamrecon.recon.parallel.espirit import sensitivities_by_espirit as sensitivities_by_espirit
from streamrecon.recon.parallel.grappa import estimate_kernels as estimate_kernels
from streamrecon.recon.parallel.grappa import unmix_with as unmix_with
from streamrecon.recon.parallel.sense import unmix_by_sense as unmix_by_sense
