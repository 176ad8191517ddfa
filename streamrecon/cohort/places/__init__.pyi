from streamrecon.cohort.places.data_set_copy import DataSetCopy as DataSetCopy
from streamrecon.cohort.places.data_set_copy import data_set_at as data_set_at
from streamrecon.cohort.places.given_places import input_place as input_place
from streamrecon.cohort.places.given_places import output_place as output_place
from streamrecon.cohort.places.remote_folder import RemoteFolder as RemoteFolder
from streamrecon.cohort.places.scan_elsewhere import Places as Places
from streamrecon.cohort.places.scan_elsewhere import reconstruct_at as reconstruct_at
