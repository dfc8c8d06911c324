"""Reverse mode in slow motion: a pass that is taken one node or one edge at a time, and back.

From the ground up: ``steps`` (the records and their words), ``recording`` (a pass run to its end),
what can be asked of one (``paths``, ``naive``, ``node_check``, ``targets``), ``cursor`` (the
moves), ``tables``, ``stepper`` (what a user says and reads), and ``views`` with pictures.
"""
