"""The figures of a study, one file each, named by `plan.reporting.FIGURES`."""
