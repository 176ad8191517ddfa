from streamrecon.output.readings.dicom.dicom_objects import objects_of_reading as objects_of_reading
from streamrecon.output.readings.dicom.dicom_objects import require_highdicom as require_highdicom
from streamrecon.output.readings.dicom.dicom_study import StudyImages as StudyImages
from streamrecon.output.readings.dicom.dicom_study import new_study as new_study
from streamrecon.output.readings.dicom.dicom_study import study_images as study_images
