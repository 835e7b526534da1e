"""Training: what one `train` job does, and pretraining of the miniature's base.

| file | what |
|---|---|
| stage.py | one stage: base and start -> groups in order -> checkpoint and curve |
| importance.py | a trained stage and its own questions -> importance file |
| pretrain.py | the base model from scene graphs |
| loop.py | steps over one segment (a group, or all of a joint stage) |
| optimiser.py | AdamW over a flat vector, warm-up and decay, clipping |
| examples.py, targets.py, visual_store.py | questions, drawn answers and images of some cells |
| memory.py, rehearsal.py | kept questions, and the batches of them that follow each step |
| stored_logits.py | the logits of kept questions as a file (DER) |
| checkpoint.py | stage checkpoints |
| stacking.py | the low-rank updates of earlier stages, folded into the frozen weights |
| inflight.py | the state of an interrupted job, and the signals that ask for it |
"""
