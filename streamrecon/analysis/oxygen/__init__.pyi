from streamrecon.analysis.oxygen.blood import Blood as Blood
from streamrecon.analysis.oxygen.blood import BloodModel as BloodModel
from streamrecon.analysis.oxygen.oximetry import VeinOxygen as VeinOxygen
from streamrecon.analysis.oxygen.oximetry import VeinQuality as VeinQuality
from streamrecon.analysis.oxygen.oximetry import vein_oxygen as vein_oxygen
from streamrecon.analysis.oxygen.oximetry_reading import (
    reading_of_consumption as reading_of_consumption,
)
from streamrecon.analysis.oxygen.oximetry_reading import reading_of_density as reading_of_density
from streamrecon.analysis.oxygen.oximetry_reading import reading_of_oxygen as reading_of_oxygen
from streamrecon.analysis.oxygen.scan_oxygen import ScanOxygen as ScanOxygen
from streamrecon.analysis.oxygen.scan_oxygen import oxygen_of_sinuses as oxygen_of_sinuses
from streamrecon.analysis.oxygen.scan_oxygen import oxygen_of_veins as oxygen_of_veins
from streamrecon.analysis.oxygen.vein_echoes import VeinScan as VeinScan
from streamrecon.analysis.oxygen.vein_echoes import fit_segment as fit_segment
from streamrecon.analysis.oxygen.vein_segments import VeinSegment as VeinSegment
from streamrecon.analysis.oxygen.vein_segments import voxels_of_segments as voxels_of_segments
