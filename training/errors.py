"""What can go wrong with the inputs of the training tools; each error is one sentence that says what to do."""


class TrainingError(Exception):
    """A clip, folder or checkpoint that the tools cannot use."""
