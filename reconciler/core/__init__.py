"""The words every layer speaks: errors, resources, field rules, secrets, YAML and JSON documents, schema types."""
