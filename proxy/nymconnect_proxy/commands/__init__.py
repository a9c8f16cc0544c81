"""One module for each command of the command line; each has ``async run(flags) -> exit code``."""
