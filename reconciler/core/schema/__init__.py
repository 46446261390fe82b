"""Field types and their JSON Schemas, the findings of a check, and the schemas of our own answers."""
