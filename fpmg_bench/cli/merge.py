"""x"""

EPILOG = ""


def command() -> None:
    """x"""
