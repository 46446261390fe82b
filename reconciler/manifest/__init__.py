"""Manifests: the portable Model (`model`), reading files (`load`), references (`references`) and JSON Schema (`schema`)."""
