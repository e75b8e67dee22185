"""What all tests need."""

import signal


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, even where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
