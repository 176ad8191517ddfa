from streamrecon.cohort.find_scans import CohortScan as CohortScan
from streamrecon.cohort.find_scans import find_scans as find_scans
from streamrecon.cohort.job import Record as Record
from streamrecon.cohort.job import Work as Work
from streamrecon.cohort.one_scan import Place as Place
from streamrecon.cohort.run_cohort import Outcome as Outcome
