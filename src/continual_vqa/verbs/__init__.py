"""One file per verb of the command line. Each has the same four names:

- the module's docstring: its first line is the help text, the rest is shown by `VERB --help`;
- `EXAMPLE`: a command line that works;
- `add_arguments(parser)`: its options;
- `run(args)`: does the work and returns a JSON-able summary (a dict);
- optionally `describe(summary)`: the summary as text for a person (default: a line per key).
"""
