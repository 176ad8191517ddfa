from streamrecon.output.formats import ScanResults as ScanResults
from streamrecon.output.formats import write_harvest as write_harvest
from streamrecon.output.nifti import write_nifti as write_nifti
from streamrecon.output.ras import from_ras as from_ras
from streamrecon.output.ras import in_ras as in_ras
from streamrecon.output.stored_volumes import StoredVolume as StoredVolume
from streamrecon.output.stored_volumes import volumes_at as volumes_at
