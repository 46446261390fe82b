"""The controller: the loop that reconciles the objects of a Kubernetes cluster with model registries."""
