"""What is derived from echoes, fields and susceptibility: R2*, SWI, projections, veins."""
