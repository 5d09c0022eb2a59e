"""Sources, vocabulary, pipelines and the built-in corpora."""
