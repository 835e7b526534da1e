"""The whole DAG as plain data, without torch: streams, recipes, stages, paths, fingerprints."""
