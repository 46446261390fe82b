"""What installs the controller in a cluster, from one declaration: plain manifests, a kustomize base, a Helm chart."""
