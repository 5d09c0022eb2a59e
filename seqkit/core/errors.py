"""What goes wrong for a user."""


class InputError(ValueError):
    """A user's data or arguments are wrong: one sentence with what was read, where, what was expected, what to do."""


class TrainingError(RuntimeError):
    """The training can't go on: one sentence with the step, what is kept and what to try."""


class ExportError(RuntimeError):
    """An artefact doesn't answer as the run does: one sentence with the difference; the artefact is not kept."""
