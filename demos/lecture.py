# %% [markdown]
# # Learning the network: Backprop
#
# The lecture of that name (CMU 11-785, lecture 4) in fourteen short chapters. Each makes one
# point and computes its numbers, and nearly all end in a picture. Twelve exercises follow.
#
# **Predict before you are told.** A question in bold wants your answer, on paper, before you look
# at the output under it. Whoever has guessed first, right or wrong, remembers what came.
#
# **Pictures with buttons are live.** Drag a number, and everything that depends on it follows.
# They need no network and no running kernel, only your trust: *File, Trust Notebook*. Until then,
# and on sites that show notebooks, a still picture stands in their place.

# %%
import math
import random
import shlex

import autograd
import nn
from autograd import Value, live, plots
from autograd.shell import commands

# %% [markdown]
# ## 1. What is a derivative?
#
# A multiplier. It says what a minute increment of the argument does to the value:
#
# $$\Delta y = \alpha\,\Delta x \qquad\text{with}\qquad \alpha = f'(x)$$
#
# For minute increments only. Here $y = e^{\sin x}\,x$, at $x = 0.5$.
#
# **Let $\Delta x$ become ten times smaller. Does the error of $\alpha\,\Delta x$ become ten times
# smaller too, or more?**


# %%
def f(x):
    return autograd.exp(autograd.sin(x)) * x


alpha = autograd.derivative(f, 0.5)
print(f"alpha = f'(0.5) = {alpha:.6f}\n")
print("   delta x     delta y   alpha delta x       off by")
for delta in (1, 0.1, 0.01, 0.001):
    rise = f(0.5 + delta) - f(0.5)
    print(f"{delta:10g}{rise:12.7f}{alpha * delta:16.7f}{rise - alpha * delta:13.7f}")

# %% [markdown]
# A hundred times. What is left over shrinks with the square of $\Delta x$: *at a fine enough
# resolution any smooth function is locally linear.* That is the one fact on which all else rests.
#
# The sign of $\alpha$ says which way: positive where $f$ rises, negative where it falls, 0 where
# it is flat. Its size says how steeply.
#
# In the page, scroll the right column down to *Nudge*. Make $\Delta x$ smaller and smaller, and
# see the curve become its tangent.

# %%
x = Value(0.5, "x")
y = f(x)
y.label = "y"
live(y)

# %% [markdown]
# ## 2. Many arguments: partial derivatives, and the row
#
# Now $y = f(\mathbf x)$ with a column $\mathbf x = [x_1 \cdots x_D]^T$. The multiplier has to
# turn a column of increments into one number, so it is a **row**:
#
# $$\Delta y = \nabla_{\mathbf x}\,y\;\Delta\mathbf x
#   = \frac{\partial y}{\partial x_1}\Delta x_1 + \dots
#   + \frac{\partial y}{\partial x_D}\Delta x_D$$
#
# Entry $i$ is the *partial* derivative: how $y$ moves when only $x_i$ does.
#
# $L = (a b + c)\,f$ has four arguments. **At $a = 2$, $b = -3$, $c = 10$, $f = -2$: which way
# does $L$ go if only $b$ grows?**

# %%
a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
L = (a * b + c) * f
L.label = "L"
row = autograd.grad(L, [a, b, c, f])
print("L =", L.data)
for leaf, slope in zip((a, b, c, f), row):
    print(f"dL/d{leaf.label} = {slope:+g}")

# %% [markdown]
# Down: $\partial L/\partial b = -4$. Now all four move at once. **Is the sum of the four products
# what $L$ really does?**

# %%
deltas = [0.01, 0.02, -0.01, 0.01]
promised = sum(slope * delta for slope, delta in zip(row, deltas))
a2, b2, c2, f2 = (leaf.data + delta for leaf, delta in zip((a, b, c, f), deltas))
print(f"promised {promised:+.4f}")
print(f"delta L  {(a2 * b2 + c2) * f2 - L.data:+.4f}")

# %% [markdown]
# Nearly: what is missing is again of the size of the increments' squares.
#
# > **Poll 1.** $y = f(\mathbf x)$ is a scalar function of an $N \times 1$ column. What shape has
# > its derivative? Scalar, $N \times 1$, $1 \times N$, or cannot be told?

# %%
N = 5
derivative = autograd.jacobian(lambda *x: autograd.prod(x), [1.0] * N)
print(f"{len(derivative)} x {len(derivative[0])}")

# %% [markdown]
# $1 \times N$, **a row**. The word *gradient* means its transpose $\nabla_{\mathbf x} f^T$, a
# column of the shape of $\mathbf x$. So of the poll's other statements "the gradient is the
# derivative" is false; the two true ones are the next chapter.
#
# Drag each of the four leaves. The gradient under it says beforehand which way $L$ will go.

# %%
live(L)

# %% [markdown]
# ## 3. The gradient points uphill
#
# $df = \nabla f\,d\mathbf x$ is an inner product, and $\mathbf u^T \mathbf v =
# |\mathbf u|\,|\mathbf v| \cos\theta$. Of all steps of one length, the one **along the gradient**
# ($\theta = 0$) raises $f$ most.
#
# Take $f = x_1^2 + 3 x_2^2$ at $(2, 1)$. The gradient is $[2 x_1, 6 x_2]^T = [4, 6]^T$, of length
# 7.211. **How fast does $f$ grow at 60 degrees from it? At 90?**
#
# > **Poll 3**, and the rest of poll 1. Which are true? *There may be many directions in which $f$
# > increases. The direction of the gradient is that of fastest increase. The gradient is the
# > derivative.*
# >
# > **Poll 4.** In which direction must we move for the fastest decrease: along the gradient,
# > perpendicular to it, or exactly opposite?


# %%
def valley(x1, x2):
    return x1**2 + 3 * x2**2


point = [2.0, 1.0]
gradient = autograd.gradient(valley, point)
print(f"gradient {gradient}, length {math.hypot(*gradient):.3f}\n")
print("degrees from the gradient    slope of f")
uphill = math.atan2(gradient[1], gradient[0])
for degrees in (0, 30, 60, 90, 120, 180):
    angle = uphill + math.radians(degrees)
    slope = autograd.directional_derivative(valley, point, [math.cos(angle), math.sin(angle)])
    print(f"{degrees:25} {slope:+13.3f}")

# %% [markdown]
# Half as fast at 60, as $\cos 60° = \tfrac12$, and **not at all at 90**: across the gradient $f$
# does not change. So the gradient is **perpendicular to the level curve**.
#
# **Poll 3:** the first two are true; all directions less than 90 degrees from the gradient go up.
# The third is not: the gradient is the derivative's transpose. **Poll 4:** exactly opposite, 180
# degrees, the last row.

# %%
turns = [k * math.pi / 6 for k in range(12)]
level_4 = [[2 * math.cos(t), 2 / math.sqrt(3) * math.sin(t)] for t in turns]  # where f is 4
plots.plot_contours(
    valley, (-3, 3), (-2.3, 2.3), arrows=level_4, points=[[0, 0]], levels=range(1, 23, 3)
)

# %% [markdown]
# The arrows stand on the curve $f = 4$, each at a right angle, and longer where the next curve is
# nearer.
#
# The same in your hands: drag the point on the map, and the arrow turns with it. It shows
# $-\nabla f$, downhill. **Does it point at the minimum?**

# %%
x1, x2 = Value(2.0, "x1"), Value(1.0, "x2")
y = valley(x1, x2)
y.label = "f"
live(y)

# %% [markdown]
# Only on the axes of the ellipses. Steepest is a local word.

# %% [markdown]
# ## 4. Where is the minimum?
#
# Where the gradient is 0, says everybody. **Is that enough?** The curve below is flat at three
# places, and one of them is a minimum.
#
# > **Poll 2.** At a minimum of $f(x)$: (1) $f'(x) = 0$, and that is all; (2) $f'(x) = 0$ and
# > $f''(x)$ is negative; (3) $f'(x) = 0$ and $f''(x)$ is positive?


# %%
def curve(x):
    return x**5 / 5 - x**3 / 3


for x in (-1, 0, 1):
    found = autograd.classify_critical_point(curve, x)
    print(f"f'({x}) = 0, f''({x}) = {found.hessian[0][0]:+g}: {found.kind}")

# %% [markdown]
# **(3)**. $f' = 0$ makes a *critical* point. The second derivative tells what it is: positive at
# this minimum, negative at the maximum, 0 at the inflection point. (A minimum may have 0 as well,
# such as $x^4$ at 0; then $f''$ does not tell.)
#
# Of many arguments, $f''$ is a matrix, the **Hessian** $\nabla^2 f$, and the signs to look at are
# those of its **eigenvalues**: all positive, a minimum; all negative, a maximum; both, a saddle.
#
# The lecture's example:
#
# $$f(x_1, x_2, x_3) = x_1^2 + x_1(1 - x_2) + x_2^2 - x_2 x_3 + x_3^2 + x_3$$
#
# **Set the three partial derivatives to 0, and solve.**


# %%
def bowl(x1, x2, x3):
    return x1**2 + x1 * (1 - x2) + x2**2 - x2 * x3 + x3**2 + x3


minimum = [-1, -1, -1]
print("gradient", autograd.gradient(bowl, minimum))
print("Hessian")
for line in autograd.hessian(bowl, minimum):
    print("  ", line)
found = autograd.classify_critical_point(bowl, minimum)
print("eigenvalues", [round(number, 3) for number in found.eigenvalues])
print(found.kind)

# %% [markdown]
# The point is $(-1, -1, -1)$, and 3.414, 0.586 and 2 are all positive: a minimum.
#
# Three critical points, and only one that we want:

# %%
figure = plots.new_figure(11, 3.6)
curves, bowls, saddles = figure.subplots(1, 3)
xs = [k / 50 for k in range(-66, 67)]
curves.plot(xs, [curve(x) for x in xs], color=plots.BLUE, linewidth=2)
for x, kind, place in (
    (-1, "maximum, $f'' < 0$", (-24, 9)),
    (0, "inflection,\n$f'' = 0$", (6, 5)),
):
    curves.plot(x, curve(x), "o", color=plots.ORANGE)
    curves.annotate(kind, (x, curve(x)), place, textcoords="offset points")
curves.plot(1, curve(1), "o", color=plots.GREEN)
curves.annotate("minimum, $f'' > 0$", (1, curve(1)), (-80, -18), textcoords="offset points")
plots.plain(curves, title="$x^5/5 - x^3/3$", xlabel="x", xlim=(-1.6, 1.6), ylim=(-0.25, 0.25))
for axes, factor, kind in ((bowls, 2, "minimum"), (saddles, -2, "saddle")):
    square = (-1, 1), (-1, 1)
    plots.draw_contours(axes, lambda x, y: x**2 + factor * y**2, *square, points=[[0, 0]])
    axes.set_title(f"{kind}: eigenvalues 2, {2 * factor}")
figure

# %% [markdown]
# ## 5. Descent: go there step by step
#
# Mostly $\nabla f = 0$ cannot be solved. So guess, and refine. The trivial way looks only at the
# sign of the slope:
#
# $$x^{k+1} = x^k - \mathrm{sign}(f'(x^k))\cdot\mathrm{step}$$
#
# **Where does it end on $f = x^2/2$, from 2.9 with steps of 0.4?**


# %%
def parabola(x):
    return x * x / 2


run = autograd.sign_descent(parabola, 2.9, step=0.4)
print([round(x, 1) for x in run.path])
print(run.reason)

# %% [markdown]
# To and fro across the minimum: its steps never become shorter. **Gradient descent** takes the
# slope itself, and slopes vanish towards a minimum:
#
# $$\mathbf x^{k+1} = \mathbf x^k - \eta^k\,\nabla f(\mathbf x^k)^T$$
#
# It ends when $|f(\mathbf x^{k+1}) - f(\mathbf x^k)| < \varepsilon_1$ or
# $\|\nabla f(\mathbf x^k)\| < \varepsilon_2$. What is left to choose is the step size $\eta$.
#
# **The lecture's bowl from $(0, 0, 0)$, with $\eta$ = 0.01, 0.2 and 0.6: which is best?**

# %%
for eta in (0.01, 0.2, 0.6):
    run = autograd.gradient_descent(bowl, [0, 0, 0], step=eta, eps1=1e-14, eps2=1e-6)
    print(f"eta = {eta}: {run.steps} steps, {run.reason}")

# %% [markdown]
# Slow, good, and away. Along an eigenvector each step multiplies the distance by
# $1 - \eta\lambda$. With $\lambda = 3.414$ and $\eta = 0.6$ that is $-1.05$: it overshoots, by
# more each time. So $\eta$ has to stay below $2/\lambda_{\max} = 0.586$.
#
# The three ways can be drawn: $f$ treats $x_1$ and $x_3$ alike, so from $(0, 0, 0)$ the two stay
# equal, and everything happens in one plane. Across is $s$, the way along $x_1 = x_3$; up is
# $x_2$.


# %%
def plane(s, x2):
    return bowl(s / math.sqrt(2), x2, s / math.sqrt(2))


runs = {
    rf"$\eta$ = {eta}: {kind}": autograd.gradient_descent(plane, [0, 0], step=eta, max_steps=most)
    for eta, kind, most in ((0.01, "slow", 150), (0.2, "good", 150), (0.6, "runs away", 36))
}
levels = [-0.95, -0.8, -0.5, 0, 0.7, 1.6, 2.8, 4.2, 6, 8, 10.5, 13.5]
figure = plots.plot_contours(
    plane, (-3.6, 0.8), (-2.6, 0.8), runs=runs, points=[[-math.sqrt(2), -1]], levels=levels
)
figure.axes[0].set(xlabel="$s$", ylabel="$x_2$")
figure

# %% [markdown]
# On a convex function, bowl-shaped, descent finds *the* minimum. **And on one with two wells? And
# on $x^3/3$, from 1?**


# %%
def two_wells(x):
    return x**4 / 4 - x**2 / 2 + x / 8


for start in (-1.5, 1.5):
    run = autograd.gradient_descent(two_wells, start, step=0.1)
    print(f"two wells from {start:4}: ends at x = {run.x:.3f}, f = {run.value:.3f}")
run = autograd.gradient_descent(lambda x: x**3 / 3, 1.0, step=0.5, eps1=1e-9)
print(f"x^3 / 3 from 1: ends at x = {run.x:.3f}, by {run.reason.split(':')[0]}")

# %% [markdown]
# The minimum of the well that one begins in, which may be a *local* one; or an inflection point,
# where the slope is as flat.

# %% [markdown]
# ## 6. A neuron
#
# An affine function of the inputs, then an activation:
#
# $$y = f(z), \qquad z = \sum_i w_i x_i + b$$
#
# The activations of the lecture, and their slopes:
#
# | | $f(z)$ | $f'(z)$ |
# | --- | --- | --- |
# | sigmoid | $1 / (1 + e^{-z})$ | $f(z)\,(1 - f(z))$ |
# | tanh | $\tanh z$ | $1 - f(z)^2$ |
# | ReLU | $z$ if $z \ge 0$, else 0 | 1 if $z \ge 0$, else 0 |
# | softplus | $\log(1 + e^z)$ | $1 / (1 + e^{-z})$ |
#
# **Which of them still learns at $z = 10$?**

# %%
print("     z     sigmoid'       tanh'    ReLU'   softplus'")
for z in (-10, -2, 0, 2, 10):
    slopes = [
        autograd.derivative(activation, z)
        for activation in (autograd.sigmoid, autograd.tanh, autograd.relu, autograd.softplus)
    ]
    print("{:6} {:12.6f} {:11.6g} {:8g} {:11.6f}".format(z, *slopes))

# %% [markdown]
# ReLU and softplus. Sigmoid and tanh are **saturated** there: the slope is all but 0, and
# whatever comes from above is multiplied by it. (At exactly 0 ReLU has no derivative. The
# lecture's rule $z \ge 0$ makes it 1.)
#
# Drag $w_1$ to and fro, and watch $1 - y^2$ on the edge from $z$ to $y$.

# %%
w1, x1, w2, x2, b = (
    Value(number, label)
    for number, label in ((-3, "w1"), (2, "x1"), (1, "w2"), (0, "x2"), (6.88, "b"))
)
z = w1 * x1 + w2 * x2 + b
y = autograd.tanh(z)
y.label, z.label = "y", "z"
live(y)

# %% [markdown]
# ## 7. The chain rule, by hand
#
# What a node hands down is what came to it from above, times the local derivative:
#
# $$\frac{\partial L}{\partial a}
#   = \frac{\partial L}{\partial e}\cdot\frac{\partial e}{\partial a}$$
#
# That is the whole of backpropagation. A sum hands on what it gets; a product hands each factor
# the *other* one.
#
# **Predict all six gradients.** The page asks for them one by one and tells what is wrong with an
# answer.

# %%
a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
e = a * b
d = e + c
L = d * f
live(L, mode="predict")

# %% [markdown]
# Now step by step, from the end to the leaves. *Upstream* is what came from above; a contribution
# is upstream times local derivative.

# %%
stepper = autograd.step_through(L)
while not stepper.done:
    print(stepper.next())

# %% [markdown]
# ## 8. Used twice
#
# Here $b$ has three consumers: $d$ uses it, and $c$ uses it twice. And $b$ uses $a$ twice.
#
# $$b = a + a, \qquad c = b \cdot b, \qquad d = c + b$$
#
# Along each path the derivatives multiply, and over the paths the products **add**. **At
# $a = 1.5$: what is $\partial d/\partial a$?** (By hand: $d = 4a^2 + 2a$.)

# %%
a = Value(1.5, "a")
b = a + a
c = b * b
d = c + b
stepper = autograd.step_through(d)
print(stepper.why(a))

# %% [markdown]
# **Why the order matters.** A node may hand down only when all its consumers have reported.
# Whoever goes depth first takes $b$ up too early:

# %%
print(stepper.naive())

# %% [markdown]
# 6 instead of 14. So the nodes are taken in *topological order*, consumers first. In the page,
# step until $b$ has 3 of 3 reports.

# %%
live(d, mode="step")

# %% [markdown]
# ## 9. Gradients add up, until you zero them
#
# A leaf may be part of several losses, and its gradient is the sum over all of them. So
# `backward()` **adds** to leaves. **What does a second call do to $a$, and what to $b$?**

# %%
print("                         a.grad   b.grad")
for heading, act in (
    ("before", lambda: None),
    ("d.backward()", d.backward),
    ("d.backward() once more", d.backward),
    ("zero_grad(d)", lambda: autograd.zero_grad(d)),
    ("d.backward()", d.backward),
):
    act()
    print(f"{heading:22} {a.grad:8g} {b.grad:8g}")

# %% [markdown]
# The leaf is doubled: 14, then 28. The interior node belongs to this one graph, and is set: 7,
# and 7 again. In training, zero before each pass.

# %% [markdown]
# ## 10. Outputs, and how far they are off
#
# A network is trained on pairs $(X_i, d_i)$, and its loss is the average divergence:
#
# $$\mathrm{Loss}(W) = \frac1T \sum_i \mathrm{div}\big(f(X_i; W),\, d_i\big)$$
#
# So outputs have to be numbers. A real value is one already. Yes or no is 1 or 0, and the output
# is a sigmoid, read as $P(Y = 1 \mid X)$; or it is $[1\;0]$ or $[0\;1]$, for a softmax of two.
# One of several classes is a **one-hot** vector:

# %%
animals = ["cat", "dog", "camel", "hat", "flower"]
for number, name in enumerate(animals):
    print(f"{name:>7}: {[int(d) for d in nn.one_hot(number, len(animals))]}")

# %% [markdown]
# And how far is an output from its target?
#
# $$\mathrm{L2} = \tfrac12 (y - d)^2 \qquad \mathrm{KL} = -d \log y - (1 - d) \log(1 - y)$$
#
# **The target is $d = 1$, and the output $y = 0.01$: as wrong as can be. Which of the two pulls
# harder, and how much? And at $y = d$?**


# %%
def l2(y):
    return nn.divergences.l2(y, 1.0)


def kl(y):
    return nn.divergences.binary_kl(y, 1.0)


print("     y         L2   slope y - d         KL   slope -1/y")
for y in (0.01, 0.5, 0.99, 1.0):
    line = [
        number + 0.0 for g in (l2, kl) for number in (g(Value(y)).data, autograd.derivative(g, y))
    ]
    print("{:6g} {:10.4f} {:13.4g} {:10.4f} {:12.4g}".format(y, *line))

# %% [markdown]
# $-0.99$ against $-100$: KL rises much more steeply away from $d$, which makes descent faster.
# (The slide "KL vs L2" leaves the half out; its slope is $-1.98$.)
#
# At $y = d$ both divergences are 0, their minimum. The slope of L2 is 0 there. **That of KL is
# $-1$:** not 0, though it is a minimum. No $y$ lies beyond 1. (The slope of KL is $-1/y$ if
# $d = 1$, and $1/(1-y)$ if $d = 0$.)
#
# > **Poll 5.** The gradient of the loss at a minimum: *always* 0 or nearly? *May* it be 0? *May*
# > it be large? And if it is not 0, must the minimum be a local one?

# %%
figure = plots.new_figure(9, 3.6)
values, slopes = figure.subplots(1, 2)
ys = [k / 200 for k in range(2, 201)]
for name, g, color, style in (("KL", kl, plots.ORANGE, "-"), ("L2", l2, plots.BLUE, "--")):
    values.plot(ys, [g(y) for y in ys], style, color=color, linewidth=2, label=name)
    slopes.plot(ys, [autograd.derivative(g, y) for y in ys], style, color=color, linewidth=2)
    end = autograd.derivative(g, 1.0)
    slopes.plot(1, end, "o", color=color, clip_on=False)
    slopes.annotate(f"{name}: {end:g}", (1, end), (-8, -14), textcoords="offset points", ha="right")
plots.plain(values, title="divergence from d = 1", xlabel="output y", xlim=(0, 1))
plots.plain(slopes, title="its slope", xlabel="output y", xlim=(0, 1), ylim=(-10, 0.5))
values.legend(frameon=False)
figure

# %% [markdown]
# It **may be 0** (L2), and it **may be large** (KL). Not always 0, then; and KL's minimum at
# $y = d$ is global.

# %% [markdown]
# ## 11. Softmax and KL: the error itself
#
# For several classes the last layer is a softmax, a *vector* activation: each $z_i$ moves all
# outputs.
#
# $$y_i = \frac{e^{z_i}}{\sum_j e^{z_j}} \qquad
#   \mathrm{KL}(\mathbf y, \mathbf d) = \sum_i d_i \log \frac{d_i}{y_i}$$
#
# For a one-hot $\mathbf d$ that is $-\log y_c$, with the derivative $-1/y_c$ by $y_c$ and 0 by
# all others. **What is left of it, by the affine values $z_i$?**

# %%
z, d = [1.0, -1.0, 2.0], nn.one_hot(2, 3)
y = autograd.softmax(z)


def show(name, numbers):
    print(f"{name:22}" + "".join(f"{number + 0.0:10.4f}" for number in numbers))


show("y = softmax(z)", y)
show("d", d)
show("y - d", [output - target for output, target in zip(y, d)])
show("derivative of KL by y", autograd.gradient(lambda y: nn.divergences.kl(y, d), y))
show(
    "derivative of KL by z",
    autograd.gradient(lambda z: nn.divergences.kl(autograd.softmax(z), d), z),
)

# %% [markdown]
# **Just the error:**
#
# $$\nabla_{\mathbf z}\,\mathrm{KL}(\mathrm{softmax}(\mathbf z), \mathbf d)
#   = (\mathbf y - \mathbf d)^T$$
#
# The $1/y_c$ and the slope of the softmax cancel. A linear output with L2 gives the same:

# %%
show("z - d", [output - target for output, target in zip(z, d)])
show("derivative of L2 by z", autograd.gradient(lambda z: nn.divergences.l2(z, d), z))

# %% [markdown]
# Find the errors under the three $z_i$. Then drag one of them: the three go on adding up to 0.

# %%
zs = [Value(number, f"z{i}") for i, number in enumerate(z, start=1)]
ys = autograd.softmax(zs)
for i, output in enumerate(ys, start=1):
    output.label = f"y{i}"
KL = nn.divergences.kl(ys, d)
KL.label = "KL"
live(KL)

# %% [markdown]
# ## 12. Label smoothing: "seems wrong, no?"
#
# A softmax never reaches a one-hot target, so $z$ would grow for ever. Hence targets a little
# off: $1 - (K - 1)\varepsilon$ for the right class, $\varepsilon$ for each of the others. With
# $K = 3$ and $\varepsilon = 0.05$:

# %%
smooth = nn.smooth_labels(d, 0.05)
show("one-hot d", d)
show("smooth d", smooth)
show("derivative by y", autograd.gradient(lambda y: nn.divergences.kl(y, smooth), y))

# %% [markdown]
# By $y$ the derivatives are $-(1 - (K-1)\varepsilon)/y_c$ and $-\varepsilon/y_i$: **all
# negative**. To lower the divergence, raise *every* output, the wrong ones too. *Seems wrong,
# no?*
#
# **Does descent really pull the wrong classes up?** Look at $z$, which is what it moves:

# %%
errors = {
    "one-hot": [output - target for output, target in zip(y, d)],
    "smoothed": [output - target for output, target in zip(y, smooth)],
}
by_z = autograd.gradient(lambda z: nn.divergences.kl(autograd.softmax(z), smooth), z)
show("smoothed: y - d", errors["smoothed"])
show("derivative by z", by_z)

# %% [markdown]
# Not as such. The outputs share 1, so not all can rise. By $z$ the derivative is $y - d$ once
# more: a wrong class is pushed down while its $y_i$ is above $\varepsilon$, as here $z_1$, and
# pulled up only once it is below, as here $z_2$ with $y_2 = 0.035$.
#
# **What does it aim at?** At $y = d$, which has finite $z$ now:

# %%
print(f"z_c - z_i = log(0.9 / 0.05) = {math.log(0.9 / 0.05):.3f}")
show("softmax of that", autograd.softmax([0.0, 0.0, math.log(0.9 / 0.05)]))

# %%
figure = plots.new_figure(7, 3.4)
axes = figure.add_subplot()
for shift, (name, bars), color in zip((-0.2, 0.2), errors.items(), (plots.BLUE, plots.ORANGE)):
    drawn = axes.bar([k + shift for k in range(3)], bars, 0.38, color=color, label=name)
    axes.bar_label(drawn, fmt="%+.3f", padding=2)
axes.axhline(0, color=plots.DARK, linewidth=0.8)
axes.set_xticks(range(3), ["wrong class $z_1$", "wrong class $z_2$", "right class $z_3$"])
plots.plain(axes, ylabel="y - d", ylim=(-0.4, 0.4))
plots.legend_above(axes, columns=2)
figure

# %% [markdown]
# **KL or cross-entropy?** $\mathrm{Xent} = -\sum_i d_i \log y_i = \mathrm{KL} + H(\mathbf d)$
# with the entropy $H(\mathbf d) = -\sum_i d_i \log d_i$. (The slide prints $H$ without the minus,
# and so subtracts it.) $H$ does not depend on the network. For one-hot targets it is 0, and the
# two are one.

# %%
for name, target in (("one-hot", d), ("smoothed", smooth)):
    kl_now = nn.divergences.kl(y, target)
    xent = nn.divergences.cross_entropy(y, target)
    entropy = sum(t * math.log(1 / t) for t in target if t)
    print(f"{name:9} KL {kl_now:.4f}   H(d) {entropy:.4f}   Xent {xent:.4f}")

# %% [markdown]
# ## 13. A network learns
#
# All terms are defined. $f(X; W)$ is a layered network: layer 0 is the input, $y_j^{(k)}$ the
# output of unit $j$ of layer $k$, $w_{ij}^{(k)}$ the weight from unit $i$ of layer $k - 1$ to it,
# and $b_j^{(k)}$ its bias.
#
# $\mathrm{Loss}(W)$ is one number, so it is one `Value`, with the whole training set underneath.
# **How many numbers does one gradient take, for 60 points and 17 parameters?**

# %%
X, D = nn.datasets.moons(60, seed=1)
model = nn.MLP(2, [4, 1], output="sigmoid", rng=random.Random(2))
Loss = nn.EmpiricalRisk(model, nn.divergences.binary_kl)(X, D)
print(model)
print(f"Loss(W) = {Loss.data:.4f}, one Value over {len(autograd.consumers_first(Loss)):,}")

# %% [markdown]
# All of them are swept once, backwards, and each parameter has its slope. Then
# $W^{k+1} = W^k - \eta\,\nabla\mathrm{Loss}(W^k)^T$, until the loss no longer falls. (Adam,
# below, finds a step of its own for each weight.)

# %%
untrained = nn.MLP(2, [4, 1], output="sigmoid", rng=random.Random(2))
history = nn.fit(model, X, D, optimizer=nn.Adam(lr=0.05), epochs=150, progress=False)
print(history)
nn.plots.plot_decision_boundary(model, X, D)

# %% [markdown]
# The same network, untrained and in your hands: press *Run*. Click a point to see its graph.

# %%
nn.live(untrained, X, D)

# %% [markdown]
# ## 14. You check it
#
# Never believe a derivative that nobody has checked, your own least of all. The definition is the
# check: nudge, and compare. $(f(x + h) - f(x - h)) / 2h$ needs no calculus at all.
#
# **You claim that $y = x\,\sigma(x)$ has the slope $y' = \sigma(x)\,(1 + x\,(1 - \sigma(x)))$.
# True?**


# %%
def swish(x):
    return x * autograd.sigmoid(x)


at, h = 1.3, 1e-5
s = autograd.sigmoid(at)
print(f"your rule          {s * (1 + at * (1 - s)):.9f}")
print(f"finite differences {(swish(at + h) - swish(at - h)) / (2 * h):.9f}")
print(f"backpropagation    {autograd.derivative(swish, at):.9f}")

# %% [markdown]
# Three ways, one number. Of a whole function, with a bound for what rounding may do:

# %%
print(autograd.check_gradient(lambda w, x: swish(w * x), [0.5, 2.0]))

# %% [markdown]
# Numbers made on paper are checked as well, and a wrong one is told what went wrong. **Which of
# these three is wrong, and why?**

# %%
w, x, b = Value(-3, "w"), Value(2, "x"), Value(6.88, "b")
y = autograd.tanh(w * x + b)
autograd.check_by_hand(y, w=1.002, x=-1.503, b=1)

# %% [markdown]
# And any gradient in a graph can be asked *why* it is what it is, and held against a nudge:

# %%
stepper = autograd.step_through(y)
stepper.run()
print(stepper.why(w))
print(stepper.check(w))

# %% [markdown]
# # Twelve exercises
#
# One or two lines each. Commands are for a terminal; here they run in the notebook, with their
# answers.


# %%
def terminal(line):
    """Run a command line, python -m autograd ..., as a terminal does."""
    commands.main(shlex.split(line)[3:])


# %% [markdown]
# **1.** Differentiate $L = (ab + c)f$ by hand, at $a = 2$, $b = -3$, $c = 10$, $f = -2$. Then
# check.

# %%
terminal('python -m autograd grad "L = (a*b + c) * f" a=2 b=-3 c=10 f=-2 --check')

# %% [markdown]
# **2.** Nudge $w$ in $\tanh(wx + b)$ by 1, 0.1, 0.01, 0.001. How far off is the promise each
# time?

# %%
terminal('python -m autograd nudge "tanh(w*x + b)" w=-3 x=2 b=6.88 --by w')

# %% [markdown]
# **3.** Predict all gradients of $e = ab$, $L = (e + c)f$. A terminal asks you for them:
#
# `python -m autograd quiz "e = a*b; L = (e + c)*f" a=2 b=-3 c=10 f=-2`
#
# Somebody has answered. Which two answers are wrong, and what was forgotten?

# %%
a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
e = a * b
L = (e + c) * f
autograd.check_by_hand(L, a=-3, b=4, c=-2, f=4, e=-2)

# %% [markdown]
# **4.** In $b = a + a$, $c = ab$, $d = c + b$: which node must wait, and what does a walk that
# does not wait find for $a = 1$?

# %%
a = Value(1, "a")
b = a + a
c = a * b
d = c + b
stepper = autograd.step_through(d)
print(stepper.naive())

# %% [markdown]
# **5.** What is $\partial d/\partial a$ of exercise 4 made of? Name its paths.

# %%
print(stepper.why(a))

# %% [markdown]
# **6.** Train with $w \leftarrow w - 0.1\,w.\mathrm{grad}$ on $(w - 3)^2$ and forget to zero.
# What happens?

# %%
for zeroes in (True, False):
    w, path = Value(0.0, "w"), []
    for _ in range(30):
        loss = (w - 3) ** 2
        if zeroes:
            autograd.zero_grad(w)
        loss.backward()
        w.data -= 0.1 * w.grad
        path.append(round(w.data, 2))
    print("zeroed:   " if zeroes else "forgotten:", path[::5])

# %% [markdown]
# All old slopes are still in it, so it swings about 3 and never comes to rest.
#
# **7.** Put $n$ sigmoids behind each other. What is left of the slope at $x = 1$ for $n$ = 1, 2,
# 5, 20?


# %%
def sigmoids(x, n):
    for _ in range(n):
        x = autograd.sigmoid(x)
    return x


for n in (1, 2, 5, 20):
    print(f"n = {n:2}: {autograd.derivative(lambda x: sigmoids(x, n), 1.0):.2g}")

# %% [markdown]
# A factor of at most 1/4 for each layer: the slope *vanishes*.
#
# **8.** $\log(e^{z_1} + e^{z_2} + e^{z_3}) - z_3$ is the KL of a softmax from class 3. Its
# derivatives at $z = (1, -1, 2)$? (Look at chapter 11.)

# %%
terminal('python -m autograd grad "logsumexp(z1, z2, z3) - z3" z1=1 z2=-1 z3=2')

# %% [markdown]
# **9.** Newton's method, $\mathbf x - (\nabla^2 f)^{-1} \nabla f^T$: how many steps does it take
# to the minimum of the lecture's bowl? (With `--step 0.2` for `--method newton` it is gradient
# descent.)

# %%
bowl_in_words = '"x1**2 + x1*(1 - x2) + x2**2 - x2*x3 + x3**2 + x3" x1=0 x2=0 x3=0'
terminal(f"python -m autograd minimize {bowl_in_words} --method newton")

# %% [markdown]
# **10.** And gradient descent, with $\eta$ = 0.01, 0.2, 0.4 and 0.6?

# %%
for eta in (0.01, 0.2, 0.4, 0.6):
    run = autograd.gradient_descent(bowl, [0, 0, 0], step=eta)
    print(f"{eta:4}: {run.steps:4} steps, {run.reason.split(':')[0]}")

# %% [markdown]
# **11.** XOR: is one neuron enough? Are two hidden ones?

# %%
X, D = nn.datasets.xor(40, seed=1)
for sizes in ([1], [2, 1]):
    model = nn.MLP(2, sizes, output="sigmoid", rng=random.Random(0))
    history = nn.fit(model, X, D, optimizer=nn.Adam(lr=0.1), epochs=100, progress=False)
    print(f"{model}: {nn.accuracy(nn.predict(model, X), D):.0%} right")

# %% [markdown]
# **12.** Write a function of your own, and have its gradient checked.


# %%
def mine(x, y):
    return autograd.log(1 + x * x) * autograd.cos(y)


print(autograd.check_gradient(mine, [0.7, -0.4]))
