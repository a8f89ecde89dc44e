"""The typed configuration, and the JSON schema generated from it."""
