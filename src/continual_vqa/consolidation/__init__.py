"""What a finished stage leaves for later ones; nothing here trains.

| file | what |
|---|---|
| importance.py | importance of every trained weight, summed over batches |
| uses.py, per_sample.py | gradients of every sample from one backward pass |
| importance_file.py | importance files: header, and adding up those of several ranks |
| task_importance.py | importance files read for ranking, checked to belong together |
| select.py, union.py | the k most important entries, of one ranking or of several tasks |
| masks.py, mask_file.py | which entries are protected; mask files |
| memory.py | which questions of earlier tasks are kept for replay |
| words.py | the words of a task, by which it is told from others |
"""
