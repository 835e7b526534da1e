"""From scores to what a study says: continual metrics, intervals, tables and figures."""
