"""What is wrong with an artefact, or with what it was asked."""


class ArtefactError(Exception):
    """One sentence: what was found, where, and what to do."""
