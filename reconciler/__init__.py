"""Models as code: YAML manifests in, plan, apply, and registries that match."""

__version__ = "0.1.0"
