"""What acts while a stage is trained: guards, and which tensors are trained.

| file | what |
|---|---|
| parameters.py | the trained tensors as one vector |
| guards.py | from a recipe to its guards, in the order in which they act |
| guard.py | the hooks of a guard |
| mask.py, direction.py | masks: frozen entries, slowed ones, the directional regulariser (AIM) |
| penalty.py | quadratic penalty weighted by importance (EWC, MAS) |
| distil.py | distillation from the model before the stage (LwF) |
| stored.py, attention.py | what a batch of the memory costs (DER, QUAD) |
| mask_files.py, importances.py, fitting.py | the files that guards read, refused unless they fit |
"""
