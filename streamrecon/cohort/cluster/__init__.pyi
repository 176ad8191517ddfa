from streamrecon.cohort.cluster.dask_workers import dask_pool as dask_pool
from streamrecon.cohort.cluster.slurm_jobs import SLURM as SLURM
from streamrecon.cohort.cluster.slurm_jobs import slurm_pool as slurm_pool
