"""Tests of a page's mode Predict: what is said of answers, and that nothing tells them before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from browser import Page, classes, expression, named, network, neuron, reused

import autograd
from autograd import Value
from autograd.stepping.diagnoses import DIAGNOSES, diagnose, hint, question
from autograd.stepping.recording import Recording
from autograd.text import signed

ENTER = "stepgrad.mode('predict'); app.paint();"
# Everything in the document but the data and the scripts.
DOM = """
const copy = document.documentElement.cloneNode(true);
for (const script of copy.querySelectorAll('script, style, #packed')) script.remove();
const typed = [...document.querySelectorAll('input')].map((input) => input.value);
return copy.outerHTML + document.title + typed;
"""


def predict(page: Page) -> Page:
    page.run(ENTER)
    return page


def answer(page: Page, text: str) -> str:
    """Give an answer; what is said of it."""
    page.run(
        "document.getElementById('answer').value = arguments[0];"
        "document.getElementById('answering').requestSubmit(); app.paint()",
        text,
    )
    assert page.focused == "answer"
    return page.text("#verdict")


def asked(page: Page) -> str:
    """Which derivative is asked for: ``dL/da``."""
    return page.text("#asked").removesuffix(" =")


def test_numbers_products_fractions_and_names_are_answers(opened: Callable[..., Page]) -> None:
    page = predict(opened(expression()))
    right = [("d", "f", -2), ("f", "4", 4), ("e", "-2*1", -2), ("c", "-4/2", -2)]
    right += [("a", "b * f", 6), ("b", "-2 * 2", -4)]
    # By the keyboard alone.
    page.press("1", "ENTER", "2", "ENTER")
    assert page.text("#verdict").startswith("the size is right")
    assert page.focused == "answer"
    page.run("startOver(); app.paint()")
    for number, (name, text, gradient) in enumerate(right, start=1):
        assert page.text("#question h2") == f"Question {number} of 6"
        assert asked(page) == f"dL/d{name}"
        assert answer(page, text) == f"right: dL/d{name} = {signed(float(gradient))}"
        assert page.text("#score") == f"{number} of {number} at the first try"
        page.press("ENTER")
    assert page.text("#question h2") == "All asked"
    assert page.text("#score") == "6 of 6 at the first try"
    assert page.focused == "again"
    assert not page.find("#answering").is_displayed()
    told = page.run("return [...document.querySelectorAll('.card .grad')].map(x => x.textContent)")
    assert sorted(told) == sorted(["+1", "-2", "+4", "-2", "-2", "+6", "-4"])
    page.press("TAB")
    page.run("document.getElementById('over').click()")
    assert page.focused == "answer"
    assert page.text("#question h2") == "Question 1 of 6"


def test_what_cannot_be_read_is_no_try(opened: Callable[..., Page]) -> None:
    page = predict(opened(expression()))
    assert answer(page, "two") == "Expected a number such as 0.5, 1/3 or -2 * 3, got two."
    assert "finite" in answer(page, "1/0")
    answer(page, " ")
    assert answer(page, "f").startswith("right")
    assert page.text("#score") == "1 of 1 at the first try"


@pytest.mark.parametrize("make", [expression, reused, classes])
def test_an_answer_is_diagnosed_as_at_the_prompt(
    make: Callable[[], Value], opened: Callable[..., Page]
) -> None:
    root = make()
    recording = Recording(root)
    page = opened(root)
    page.run("stepgrad.mode('predict')")
    numbers = [k / 4 for k in range(-60, 61)]
    numbers += [x for use in recording.reports for x in (use.contribution, use.upstream)]
    numbers += recording.data + recording.gradients
    last = len(recording) - 1
    names, tables = set(), []
    for place, node in enumerate(recording.nodes[1:], start=1):
        about = question(recording, node)
        near = [about.total * factor for factor in (1.009, 1.03, -1.0)]
        verdicts = [diagnose(about, number) for number in [*numbers, *near]]
        names |= {verdict.name for verdict in verdicts}
        tables.append(
            [
                last - place,
                [*numbers, *near],
                [list(verdict) for verdict in verdicts],
                [hint(about, step) for step in (1, 2, 3)],
            ]
        )
    differing = page.run(
        "return arguments[0].flatMap(([node, numbers, verdicts, hints]) => {"
        "  const question = questionOf(app.graph, node);"
        "  const said = numbers.map((x) => diagnose(question, x)).map((v) => [v.name, v.sentence]);"
        "  const told = [1, 2, 3].map((step) => hint(question, step, plain));"
        "  return [...said, ...told].map((x, k) => [x, [...verdicts, ...hints][k]])"
        "    .filter(([x, y]) => JSON.stringify(x) !== JSON.stringify(y));"
        "})",
        tables,
    )
    assert differing == []
    if make is not classes:
        assert names >= {"right", "close", "not yet", "wrong sign", "zero"}


def test_every_slip_has_its_own_sentence_on_the_page(opened: Callable[..., Page]) -> None:
    """By hand: dL/de = -2, de/da = b = -3, de/db = a = 2; dd/db is 1 + 3 + 3."""
    page = predict(opened(expression()))
    for text in ("f", "4", "-2", "-2"):
        answer(page, text)
        page.press("ENTER")
    assert asked(page) == "dL/da"
    said = {
        "-6": "the size is right, and the sign is not",
        "0": "0 would say that L does not change at all when a does",
        "-3": "that is the local derivative of e by a alone: multiply it by dL/de",
        "-2": "that is dL/de itself: multiply it by the local derivative of e by a",
        "-5": "that is dL/de plus the local derivative of e by a: multiply the two",
        "-4": "that is what e sends to b: for a take the local derivative by a",
        "2": "that is the value of a: asked is how L changes with it",
        "6.2": "close, but off by more than 1 %: was it rounded too early?",
        "5": "not yet; a hint may help",
    }
    for text, sentence in said.items():
        assert answer(page, text) == sentence
    assert answer(page, "6").startswith("right")
    # After wrong answers it is not at the first try.
    assert page.text("#score") == "4 of 5 at the first try, 1 later"
    page = predict(opened(reused()))
    answer(page, "1")
    page.press("ENTER")
    assert asked(page) == "dd/db"
    assert answer(page, "3") == (
        "that is what one of the 3 uses of b sends, in c: add what the others send"
    )
    assert answer(page, "4").startswith("that is what 2 of the 3 uses of b send")
    assert len({*said.values()}) == len(said)
    assert {row.name for row in DIAGNOSES} >= {"one path only", "forgot upstream", "swapped"}


def test_hints_say_more_and_more_and_the_last_one_tells(opened: Callable[..., Page]) -> None:
    root = expression()
    recording = Recording(root)
    page = predict(opened(root))
    about = question(recording, recording.nodes[1])
    for step in (1, 2, 3):
        assert page.find(f"#{page.focused}").get_attribute("id") == "answer" or step == 1
        assert "dL/dd = -2" not in page.text("#side")
        page.click("#more")
        assert page.focused == "answer"
        told = page.run("return [...document.querySelectorAll('#hints li')].map(x=>x.textContent)")
        assert told == [hint(about, k) for k in range(1, step + 1)]
    assert page.text("#score") == "0 of 1 at the first try, 1 told by the last hint"
    assert page.text("#check") == "Next"
    page.press("ENTER")
    # By key: ? as at the prompt. An answer after a hint is not at the first try.
    page.press("?", "ENTER")
    assert page.text("#hints").startswith("dL/df = ")
    assert answer(page, "4").startswith("right")
    assert page.text("#score").endswith("1 later, 1 told by the last hint")
    page.press("ENTER")
    # What is skipped is not told before the end.
    page.click("#skip")
    assert page.focused == "answer"
    assert page.text(".card[aria-label^='e '] .grad") == "?"
    for text in ("-2", "6", "-4"):
        answer(page, text)
        page.press("ENTER")
    assert page.text("#question h2") == "All asked"
    assert page.text(".card[aria-label^='e '] .grad") == "-2"
    assert "1 skipped" in page.text("#score")


def distinct() -> Value:
    """All numbers are unlike each other, and none of the gradients can be read off the values."""
    a, b, c = Value(1.371, "a"), Value(-0.4519, "b"), Value(0.8237, "c")
    p = named(autograd.tanh(a * b), "p")
    q = named(autograd.exp(p) * c, "q")
    return named(q * q + p * a, "r")


def hidden_numbers(recording: Recording, first: int) -> list[str]:
    """The gradients from a place of the pass on, and what is sent to them, as they may be shown."""
    numbers = recording.gradients[first:]
    for number, report in enumerate(recording.reports):
        if recording.place[report.operand] >= first and report.partial is not None:
            numbers.append(recording.reports[number].contribution)
            numbers.append(report.partial)
    told = " ".join(f"{x:.6g}" for x in [*recording.data, 1.0, *recording.gradients[:first]])
    return [f"{abs(x):.3g}" for x in numbers if f"{abs(x):.3g}" not in told]


def test_nothing_in_the_document_tells_an_answer(opened: Callable[..., Page]) -> None:
    root = distinct()
    recording = Recording(root)
    page = opened(root)
    # Step and Explore have told everything; then one predicts.
    page.press("END")
    page.run("stepgrad.mode('explore'); app.paint(); stepgrad.mode('step'); app.paint()")
    secret = hidden_numbers(recording, 1)
    assert len(secret) > 12
    assert any(number in page.run(DOM) for number in secret)
    predict(page)
    for place, node in enumerate(recording.nodes[1:], start=1):
        about = question(recording, node)
        assert asked(page) == about.asked
        for act in ("", "99.5", "hint"):
            if act == "hint":
                page.click("#more")
            elif act:
                answer(page, act)
            shown = page.run(DOM)
            for number in hidden_numbers(recording, place):
                assert number not in shown, (number, place, act)
        # No colour, no width, no class depends on what is hidden: other numbers, the same page.
        assert page.run(
            "const before = (() => {" + DOM + "})(), { graph } = app, quiz = quizOf(app);"
            "const kept = [graph.grads.slice(), graph.sent.slice(), graph.partials.slice()];"
            "for (let i = 0; i < graph.size; i++) if (!quiz.isKnown(i)) graph.grads[i] = -77 - i;"
            "for (let e = 0; e < graph.edges; e++) {"
            "  const x = graph.operands[e];"
            "  if (x >= 0 && !quiz.isKnown(x)) graph.sent[e] = graph.partials[e] = -99 - e;"
            "}"
            "app.paint(); const after = (() => {" + DOM + "})();"
            "[graph.grads, graph.sent, graph.partials].forEach((x, k) => x.set(kept[k]));"
            "app.paint(); return before === after"
        )
        signs = page.run(
            "return [...document.querySelectorAll('.card[data-sign]')].filter("
            "  (card) => card.querySelector('.grad').textContent === '?').map("
            "  (card) => card.dataset.sign)"
        )
        assert set(signs) == {"none"} and len(signs) == len(recording) - place
        answer(page, repr(about.total))
        page.press("ENTER")
    # Back in another mode everything is told again.
    page.run("stepgrad.mode('step'); app.paint()")
    assert page.text("#where") == f"{len(recording)} / {len(recording)}"
    page.run("stepgrad.mode('explore'); app.paint()")
    assert page.text("#gradient").startswith("Gradient")


def test_other_numbers_are_small_and_the_same_for_all(opened: Callable[..., Page]) -> None:
    root = distinct()
    page = predict(opened(root))
    page.run("document.getElementById('again').click()")
    first = page.run("return ['a', 'b', 'c'].map((name) => stepgrad.get(name).data)")
    assert first != [1.371, -0.4519, 0.8237]
    assert all(x == round(x, 2) and abs(x) <= 3 for x in first)
    assert page.focused == "answer"
    assert page.text("#score") == ""
    a, b, c = (Value(x, name) for x, name in zip(first, "abc"))
    p = autograd.tanh(a * b)
    q = autograd.exp(p) * c
    recording = Recording(q * q + p * a)
    for gradient in recording.gradients[1:]:
        assert gradient == 0 or 0.01 <= abs(gradient) <= 100
        assert answer(page, repr(gradient)).startswith("right")
        page.press("ENTER")
    assert page.text("#question h2") == "All asked"
    page.click("#again")
    second = page.run("return ['a', 'b', 'c'].map((name) => stepgrad.get(name).data)")
    assert second != first
    page = predict(opened(root))
    page.run("document.getElementById('again').click()")
    assert first == page.run("return ['a', 'b', 'c'].map((name) => stepgrad.get(name).data)")
    # Reset brings back Python's numbers, and begins anew.
    answer(page, "99.5")
    page.click("#reset")
    assert page.text("#question h2") == f"Question 1 of {len(recording) - 1}"
    assert not page.find("#verdict").is_displayed()
    # A neuron that is not saturated: its gradients can be worked out.
    page = predict(opened(neuron()))
    drawn = page.run(
        "return [...Array(9)].flatMap(() => {"
        "  document.getElementById('again').click();"
        "  return quizOf(app).asked.map((i) => app.graph.grads[i]);"
        "})"
    )
    assert all(x == 0 or 0.01 <= abs(x) <= 100 for x in drawn) and len(drawn) == 9 * 13
    # Where there are none, that is said, and nothing changes.
    x = Value(101.0, "x")
    page = predict(opened(named(autograd.sqrt(x - 100) * 2, "y")))
    page.run("document.getElementById('again').click(); app.paint()")
    assert "No other small numbers" in page.text("#notice")
    assert page.run("return stepgrad.get('x').data") == 101


def test_of_a_large_graph_only_what_is_open_is_asked(opened: Callable[..., Page]) -> None:
    page = predict(opened(network()))
    names: Any = page.run("return quizOf(app).asked.map((i) => app.graph.names[i])")
    shown = page.run("return [...document.querySelectorAll('.card .own')].map(x => x.textContent)")
    assert 1 <= len(names) <= 20
    assert {*names} <= {*shown}
    boxes = page.run("return [...document.querySelectorAll('.closed .grad')].map(x=>x.textContent)")
    assert {*boxes} == {"?"}
    x = [Value(k, f"x{k}") for k in range(1, 16)]
    page = predict(opened(autograd.sum([y * y for y in x])))
    assert page.run("return quizOf(app).asked.length") == 20
    page = predict(opened(Value(3.0, "x")))
    assert page.text("#question") == "Nothing to askThe derivative of a number by itself is 1."


def test_sentences_of_predict_are_said_only_where_they_are_true(
    opened: Callable[..., Page],
) -> None:
    """Each with a case where it would be false: of one use, at a right answer, before the end."""
    page = predict(opened(expression()))
    texts = [f"{x}" for x in (*range(-9, 10), 4.03, 0.5)]
    for about, right in (
        ("d", "-2"),
        ("f", "4"),
        ("e", "-2"),
        ("c", "-2"),
        ("a", "6"),
        ("b", "-4"),
    ):
        assert asked(page) == f"dL/d{about}"
        sentences = page.run(
            "const quiz = quizOf(app), said = {};"
            "for (const text of arguments[0]) {"
            "  quiz.check(text);"
            "  said[text] = quiz.verdict.sentence;"
            "  quiz.outcomes.delete(quiz.node);"
            "}"
            "app.paint(); return said",
            texts,
        )
        for text in texts:
            if abs(float(text) - float(right)) <= 0.011 * abs(float(right)):
                continue
            said = sentences[text]
            assert "right:" not in said and "uses of" not in said
            assert ("0 would say" in said) == (text == "0")
            assert ("the sign is not" in said) == (
                abs(float(text) + float(right)) <= 0.011 * abs(float(right))
            )
            assert "All asked" not in page.text("#side")
        assert answer(page, right) == f"right: dL/d{about} = {signed(float(right))}"
        assert "at the first try" in page.text("#score")
        assert page.text("#score").startswith("0 of")
        page.press("ENTER")
    assert re.fullmatch("0 of 6 at the first try, 6 later", page.text("#score"))
