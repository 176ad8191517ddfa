from streamrecon.cohort.job import Record as Record
from streamrecon.cohort.job import Work as Work
from streamrecon.cohort.run_cohort import Outcome as Outcome
from streamrecon.cohort.run_cohort import Source as Source
from streamrecon.cohort.scan_tree import CohortScan as CohortScan
from streamrecon.cohort.scan_tree import find_scans as find_scans
