from streamrecon.qsm.background.lbv import remove_lbv as remove_lbv
from streamrecon.qsm.background.pdf import LocalField as LocalField
from streamrecon.qsm.background.pdf import remove_pdf as remove_pdf
from streamrecon.qsm.background.sharp import remove_ismv as remove_ismv
from streamrecon.qsm.background.sharp import remove_resharp as remove_resharp
from streamrecon.qsm.background.sharp import remove_vresharp as remove_vresharp
from streamrecon.qsm.background.sharp import remove_vsharp as remove_vsharp
