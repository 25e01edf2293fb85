"""MLflow's artifact door to data assets: it needs MLflow's store internals, so it is apart."""
