"""What was wanted of a figure, and whether it is so."""


def at_most(value: float, bound: float, unit: str = "") -> str:
    """The target of a figure that is to be small."""
    return f"at most {bound:g}{unit}: {'met' if value <= bound else 'MISSED'}"


def at_least(value: float, bound: float, unit: str = "") -> str:
    """The target of a figure that is to be large."""
    return f"at least {bound:g}{unit}: {'met' if value >= bound else 'MISSED'}"
