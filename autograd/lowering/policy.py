"""When a graph is lowered without being asked for, and when its program is given up again.

All the numbers that decide it. Lowering takes as long as some 25 gradients from the graph, or ten
to fifty Hessians, so it has to be worth that; and nobody who has not asked waits seconds for it.
"""

# A Hessian of a graph of so many nodes is lowered at its CALLS-th call: below, a program gains
# little. The programs of the last KEPT graphs are kept.
CALLS = 8
SIZES = range(200, 2001)
KEPT = 16

# With up to so many entries in a row a Hessian is computed entry by entry, each a root of its own:
# less is done at each call then, and more once. A denser one is the Jacobian of the gradient.
SPARSE = 4

# A descent lowers its function after so many recordings, or as many as make up so many nodes: to
# load NumPy for the first time takes as long as recording some 10,000.
RECORDINGS = 25
NODES = 10_000
# A value of the program is believed that agrees so well with what the function gives for floats.
AGREEMENT = 1e-12
# After more doubts than that, and more than every second time, the program is no gain any more.
DOUBTS = 50

# From so many inputs on ``nn.predict`` records the model: that costs less than to call it for each.
# Besides those that look different it tries so many at random.
MANY = 64
SAMPLE = 24
# What it gives for other instances than the recorded one is believed if it agrees so well.
BATCH_AGREEMENT = 1e-9

# A function is recorded again after 1, 2, 4, 8, ... evaluations of its program, and from then on
# after so many for each node of the graph, or for so many nodes: a recording takes as long as that.
AGAIN, FEWEST = 2, 64

# While a program computes for a model, instances are compared with the model's own numbers: so many
# at its end in any case, and before as many as take this share of the time, and a few milliseconds
# that nobody minds. Times are estimated, in seconds, as measured ones would make a run another each
# time: to compute and differentiate a node with Values, to do so in an array for one instance, and
# for a call of a program.
AT_THE_END, SHARE, UNMINDED = 3, 0.03, 3e-3
VALUES, ARRAYS, CALL = 4e-6, 5e-9, 50e-6
