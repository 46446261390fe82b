"""Manifests: find files, load and check them, resolve references, compile desired state; import and export."""
