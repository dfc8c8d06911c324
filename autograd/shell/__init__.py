"""What is typed: the command line, its expressions, and the prompt of the debugger."""
