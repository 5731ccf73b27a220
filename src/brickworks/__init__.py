"""Factory IoT messages in, production numbers out: the Python side of the project."""
