from streamrecon.qsm.inversion.closed_form import invert_rts as invert_rts
from streamrecon.qsm.inversion.closed_form import invert_tikhonov as invert_tikhonov
from streamrecon.qsm.inversion.closed_form import invert_tkd as invert_tkd
from streamrecon.qsm.inversion.strength import strength_from_noise as strength_from_noise
from streamrecon.qsm.inversion.total_variation import invert_robust as invert_robust
from streamrecon.qsm.inversion.total_variation import invert_tv as invert_tv
from streamrecon.qsm.inversion.two_pass import invert_twice as invert_twice
from streamrecon.qsm.inversion.weak_harmonic import invert_weak_harmonic as invert_weak_harmonic
