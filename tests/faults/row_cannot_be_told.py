"""Attacks: an error that cannot be told as text is told all the same. Ends in Mute."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    mute = Mute()  # also among the locals
    if a == 5:
        raise mute
    return a
