"""What a finished stage leaves for later ones; nothing here trains.

| file | what |
|---|---|
| memory.py | which questions of earlier tasks are kept for replay |
"""
