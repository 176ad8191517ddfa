from streamrecon.cohort.cluster.dask_workers import dask_pool as dask_pool
