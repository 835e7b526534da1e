"""The figures of a study, one file each; `registry.FIGURES` names them."""
