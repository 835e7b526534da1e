"""Properties are tested without a time limit per example: the machine may be shared."""

from hypothesis import settings

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
