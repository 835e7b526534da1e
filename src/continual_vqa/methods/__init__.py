"""What acts while a stage is trained: guards, and which tensors are trained."""
