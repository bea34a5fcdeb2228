# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Repeated risk minimization on a data frame of Spark, with the shifts of skperf."""

import pandas as pd
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F
from pyspark.sql.functions import pandas_udf


def rejected(frame, model, shift):
    """Return the frame with the probability g that each row is rejected."""

    @pandas_udf("double")
    def probability(y_pred: pd.Series) -> pd.Series:
        return pd.Series(shift.rejection_probability(y_pred))

    y_pred = vector_to_array("probability")[1]
    predicted = model.transform(frame).withColumn("g", probability(y_pred))
    return predicted.select(*frame.columns, "g")


def whole_rows(frame, model, shift):
    """Return what is seen under a model whose rejected rows are redrawn."""
    people = rejected(frame, model, shift)
    mean_g = people.agg(F.avg("g")).first()[0]
    return people.withColumn("weight", 1 - F.col("g") + mean_g)


def draw_pool(frame, columns, n_pool, seed):
    """Return donors from everyone, numbered from 0; they fit into memory."""
    pool = frame.orderBy(F.rand(seed)).limit(n_pool).select(*columns).toPandas()
    pool = pool.add_prefix("donor_").assign(donor=range(len(pool)))
    return F.broadcast(frame.sparkSession.createDataFrame(pool))


def strategic_columns(frame, model, shift, columns, pool, n_donors=4, seed=0):
    """Return what is seen where rejected people take some columns of donors.

    Copy 0 of a row is the row itself. The others have the donors that the row's `id`
    says, the same ones in every round.
    """
    copies = F.explode(F.sequence(F.lit(0), F.lit(n_donors))).alias("copy")
    people = rejected(frame, model, shift).select("*", copies)
    place = F.pmod(F.xxhash64("id", "copy", F.lit(seed)), F.lit(pool.count()))
    people = people.withColumn("donor", place).join(pool, "donor")
    is_own = F.col("copy") == 0
    taken = {
        c: F.when(is_own, F.col(c)).otherwise(F.col(f"donor_{c}")) for c in columns
    }
    weight = F.when(is_own, 1 - F.col("g")).otherwise(F.col("g") / n_donors)
    return people.withColumns({**taken, "weight": weight})


def retrain(pipeline, frame, see, n_rounds):
    """Return the model after some rounds, each trained on what the last one made."""
    model = pipeline.fit(frame.withColumn("weight", F.lit(1.0)))
    for _ in range(n_rounds):
        model = pipeline.fit(see(frame, model))
    return model
