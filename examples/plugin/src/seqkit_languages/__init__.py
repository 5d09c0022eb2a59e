"""A recipe, a cell and an exporter that seqkit's command line finds."""
