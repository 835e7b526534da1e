"""Verbs without the seconds that importing torch takes: forked from a process that has done it."""
