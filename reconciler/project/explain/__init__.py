"""Explanations of every name that a user meets: what `explain` and the pages of the reference tell."""
