from streamrecon.dicom.objects.mr_images import part10 as part10
from streamrecon.dicom.objects.series import DicomScan as DicomScan
from streamrecon.dicom.objects.series import Images as Images
from streamrecon.dicom.objects.series import Run as Run
