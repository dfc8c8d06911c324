"""From the lecture to the code: every idea with its names, the tests that hold its numbers, and
where a reader meets it. ``test_lecture_map.py`` looks all of them up.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """An idea of the lecture.

    Attributes:
        idea: what the lecture calls it.
        names: what is public for it, from the package down.
        tests: ``file::function`` under tests.
        shown: files of demos, or ``README``, in the first of which every name's last part stands.
    """

    idea: str
    names: tuple[str, ...]
    tests: tuple[str, ...]
    shown: tuple[str, ...]


CALCULUS, MINIMIZE, POLLS = "test_calculus.py", "test_minimize.py", "test_polls.py"
LAYERS, DIVERGENCES, TRAINING = "test_layers.py", "test_divergences.py", "test_training.py"

LECTURE = [
    Row(
        "derivative of a scalar function",
        ("autograd.derivative", "autograd.plots.plot_derivatives"),
        (
            f"{CALCULUS}::test_the_derivative_tells_what_a_tiny_increment_does",
            f"{CALCULUS}::test_derivatives_of_every_order_are_those_of_sympy",
            "test_calculus_plots.py::test_a_function_stands_above_its_derivatives",
        ),
        ("derivatives.py",),
    ),
    Row(
        "derivative of a multivariate function",
        ("autograd.gradient", "autograd.jacobian", "autograd.value_and_gradient"),
        (
            f"{CALCULUS}::test_gradient_of_scalars_and_of_a_list",
            f"{CALCULUS}::test_the_derivative_of_a_scalar_function_is_a_row",
        ),
        ("guides/derivatives.md",),
    ),
    Row(
        "direction of fastest increase",
        ("autograd.directional_derivative",),
        (
            f"{CALCULUS}::test_no_direction_increases_faster_than_the_gradient",
            "test_calculus_plots.py::test_contours_with_gradients_at_right_angles",
        ),
        ("gradient_descent.py",),
    ),
    Row(
        "the Hessian",
        ("autograd.hessian", "autograd.hvp"),
        (
            f"{CALCULUS}::test_the_hessian_of_the_lecture",
            f"{CALCULUS}::test_a_hessian_is_symmetric_to_the_last_bit",
        ),
        ("guides/derivatives.md",),
    ),
    Row(
        "critical points",
        ("autograd.classify_critical_point",),
        (f"{CALCULUS}::test_kinds_of_critical_points",),
        ("critical_points.py", "derivatives.py"),
    ),
    Row(
        "worked example",
        ("autograd.classify_critical_point", "autograd.hessian"),
        (f"{CALCULUS}::test_the_worked_example_of_the_lecture",),
        ("critical_points.py",),
    ),
    Row(
        "trivial iterative minimisation",
        ("autograd.sign_descent",),
        (f"{MINIMIZE}::test_steps_of_sign_descent",),
        ("gradient_descent.py",),
    ),
    Row(
        "gradient descent / ascent",
        ("autograd.gradient_descent", "autograd.newton"),
        (
            f"{MINIMIZE}::test_three_steps_of_gradient_descent",
            f"{MINIMIZE}::test_gradient_ascent_goes_the_other_way",
            f"{MINIMIZE}::test_a_step_that_depends_on_k",
        ),
        ("gradient_descent.py",),
    ),
    Row(
        "convergence",
        ("autograd.gradient_descent",),
        (f"{MINIMIZE}::test_each_criterion_says_that_it_was_the_one",),
        ("gradient_descent.py",),
    ),
    Row(
        "convex / non-convex",
        ("autograd.gradient_descent",),
        (
            f"{MINIMIZE}::test_a_convex_function_has_one_end_for_every_start",
            f"{MINIMIZE}::test_a_non_convex_function_may_keep_a_descent_at_an_inflection",
        ),
        ("gradient_descent.py",),
    ),
    Row(
        "empirical risk",
        ("nn.EmpiricalRisk",),
        (f"{TRAINING}::test_the_risk_is_the_mean_divergence",),
        ("guides/networks.md",),
    ),
    Row(
        "training",
        ("nn.fit",),
        (
            f"{TRAINING}::test_steps_follow_gradient_descent_bit_for_bit",
            f"{TRAINING}::test_the_tolerance_stops_when_two_losses_are_near",
        ),
        ("README", "moons.py"),
    ),
    Row(
        "neuron",
        ("nn.Neuron",),
        (
            f"{LAYERS}::test_a_neuron_by_hand_at_a_positive_z",
            f"{LAYERS}::test_any_differentiable_function_may_be_the_activation",
        ),
        ("guides/networks.md",),
    ),
    Row(
        "layered network",
        ("nn.Layer", "nn.MLP"),
        (
            f"{LAYERS}::test_a_network_is_its_layers_one_after_the_other",
            f"{LAYERS}::test_every_parameter_of_a_network_is_labelled_with_its_name",
        ),
        ("guides/networks.md",),
    ),
    Row(
        "activations",
        ("autograd.sigmoid", "autograd.tanh", "autograd.relu", "autograd.softplus"),
        (
            f"{LAYERS}::test_slopes_of_the_activations_from_the_lecture",
            "test_functions.py::test_relu_and_xlogy",
        ),
        ("guides/networks.md",),
    ),
    Row(
        "vector activations",
        ("nn.Softmax", "nn.Multiplicative"),
        (
            f"{LAYERS}::test_softmax_by_hand",
            f"{LAYERS}::test_a_multiplicative_combination_by_hand",
        ),
        ("guides/networks.md",),
    ),
    Row(
        "outputs",
        ("nn.one_hot", "nn.MLP"),
        (
            "test_targets.py::test_the_five_classes_of_the_lecture",
            f"{TRAINING}::test_the_exclusive_or_is_learnt",
        ),
        ("guides/networks.md", "digits.py"),
    ),
    Row(
        "L2 divergence",
        ("nn.divergences.l2",),
        (
            f"{DIVERGENCES}::test_l2_by_hand",
            f"{DIVERGENCES}::test_the_derivative_of_l2_is_zero_where_y_is_d",
        ),
        ("divergences.py",),
    ),
    Row(
        "binary KL",
        ("nn.divergences.binary_kl",),
        (
            f"{DIVERGENCES}::test_binary_kl_by_hand",
            f"{DIVERGENCES}::test_the_derivative_of_binary_kl_is_not_zero_where_y_is_d",
        ),
        ("divergences.py",),
    ),
    Row(
        "multi-class KL",
        ("nn.divergences.kl",),
        (f"{DIVERGENCES}::test_kl_of_a_one_hot_target_is_minus_log_y_c",),
        ("divergences.py",),
    ),
    Row(
        "cross-entropy",
        ("nn.divergences.cross_entropy",),
        (f"{DIVERGENCES}::test_cross_entropy_is_kl_plus_the_entropy_of_the_target",),
        ("guides/networks.md",),
    ),
    Row(
        "label smoothing",
        ("nn.smooth_labels",),
        (
            "test_targets.py::test_smoothing_by_hand",
            f"{DIVERGENCES}::test_the_derivative_with_label_smoothing",
        ),
        ("divergences.py",),
    ),
    Row(
        "derivative through the last layer",
        ("autograd.softmax", "nn.divergences.kl", "nn.divergences.l2"),
        (
            f"{DIVERGENCES}::test_the_derivative_through_a_softmax_is_the_error",
            f"{DIVERGENCES}::test_the_derivative_in_the_biases_of_a_network_is_the_error",
        ),
        ("divergences.py",),
    ),
    Row(
        "KL vs L2",
        ("nn.divergences.binary_kl", "nn.divergences.l2"),
        (
            f"{DIVERGENCES}::test_kl_is_least_at_the_target",
            f"{DIVERGENCES}::test_the_derivative_of_l2_is_zero_where_y_is_d",
        ),
        ("divergences.py",),
    ),
    Row(
        "binary recognition",
        ("nn.datasets.digits",),
        ("test_datasets.py::test_digits_have_the_published_sizes_and_class_counts",),
        ("is_it_a_two.py",),
    ),
    Row(
        "multi-class recognition",
        ("nn.datasets.digits", "nn.confusion_matrix"),
        (
            f"{TRAINING}::test_three_classes_are_told_apart",
            "test_targets.py::test_several_classes_by_counting",
        ),
        ("digits.py",),
    ),
    Row(
        "polls 1-5",
        ("autograd.jacobian", "autograd.classify_critical_point", "autograd.gradient"),
        tuple(f"{POLLS}::test_poll_{i}" for i in range(1, 6)),
        ("polls.py",),
    ),
    Row(
        "backpropagation, the lecture's next step",
        ("autograd.Value.backward", "autograd.step_through", "autograd.render"),
        ("test_sweep.py", "test_stepping.py", "test_drawing.py"),
        ("README",),
    ),
]
