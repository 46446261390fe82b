"""Policies: rules of a team's own over what manifests declare, in files of their own, with waivers in the manifests."""
