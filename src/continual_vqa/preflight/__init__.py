"""Checks before a study's first job: what would fail after hours is said now."""
