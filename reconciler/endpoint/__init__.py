"""A model tried out where it lives: at its endpoint, without any registry.

`subjects` finds what a project's manifests declare, `tester` asks one model and `many` several; `gate` keeps what failed out of a plan.
What an endpoint does wrong is a failed check, never an exception.
"""

from __future__ import annotations
