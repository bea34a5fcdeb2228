# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is public: where it is, and which page of the user guide explains it.

A public name is a link wherever it is written, whatever package the page is about.
"""

import importlib
import pkgutil

import skperf

# In which package each public object is.
PUBLIC = {
    name: f"skperf.{package.name}"
    for package in pkgutil.iter_modules(skperf.__path__)
    if package.name != "utils"
    for name in importlib.import_module(f"skperf.{package.name}").__all__
}

# A package's page, where the next list has no better one for an object.
OF_PACKAGE = {
    "base": "extending",
    "batches": "large",
    "games": "games",
    "inspection": "choosing",
    "llm": "red_flag",
    "metrics": "evaluation",
    "neural_network": "neural_networks",
    "retraining": "extending",
    "risk_minimization": "choosing",
    "shift": "shifts",
    "testing": "extending",
}
OF_OBJECT = {
    "certificates": """ContractionRadius ContractionRate ConvergenceReport
        RetrainingDisplay contraction_radius contraction_rate convergence_report""",
    "choosing": "make_linear_feedback",
    "deployment": "SchemaError",
    "evaluation": "ReactionDisplay",
    "drift": "DriftDisplay DriftTest checkerboard_drift_test performative_drift_test",
    "extending": """BaseShift Cotangent Dice DifferentiableWorld Parameters
        PopulationShift Predictor PullBack Sample World""",
    "games": "make_linear_game make_ride_share",
    "harmfulness_data": "fetch_harmfulness",
    "judging": """AfterChat DetectionDelayDisplay DetectorEvaluation FineTuned Interval
        MeanStatesProbe Prefill Resampled StressDisplay bootstrap_interval
        detection_delay evaluate_detectors fpr_at_recall like_length_auc_score
        make_length_baseline make_words_baseline recall_at_fpr
        within_group_auc_score""",
    "memory": "LaggedShift MemoryShift",
    "months": """DamagedStoreError MissingLabelsWarning SnapshotStore
        StoreConflictError StoreError""",
    "numbers": "PositiveClassWarning RepeatedPersonsWarning",
    "optimal": """NoOptimumError PerformativeRiskMinimizer RiskLandscapeDisplay
        optimality_gap""",
    "reaction": """Deployment ExperimentPlan FormCheck ShiftEstimate
        Strength UnidentifiedError estimate_shift plan_experiment""",
    "red_flag": "fetch_smollm2",
    "red_flag_export": "GenerationReport RedFlagLogitsProcessor",
    "red_flag_production": "RedFlagMonitor",
    "reproduction": "make_affine_lower_bound make_label_shift_groups",
    "research": "RetrainingRunsDisplay",
    "shifts": """make_location_scale make_pricing make_two_group_prophecy
        make_two_group_rejection""",
    "study": "GamingDisplay RetrainingStudy gaming_importance",
}


def guide_page(name):
    """Return the name of the page that explains an object, None if there is none."""
    for page, names in OF_OBJECT.items():
        if name in names.split():
            return page
    return OF_PACKAGE.get(PUBLIC[name].removeprefix("skperf."))


def find_public(app, env, node, contents):
    """Resolve a name that is written without its package."""
    name, *rest = node["reftarget"].removeprefix("skperf.").split(".")
    if node.get("refdomain") != "py" or name not in PUBLIC:
        return None
    target = ".".join([PUBLIC[name], name, *rest])
    return env.domains.python_domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, contents
    )


def setup(app):
    app.connect("missing-reference", find_public)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
