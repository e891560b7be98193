"""Tiers made-up judgments in Spark, by the SQL that the policy crate compiles, as the crate itself does.

Needs a JVM (17, for this version of Spark) and what requirements.txt names: `python spark.py [POLICIES]`.
"""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.types import DecimalType, IntegerType, ShortType, StructField, StructType

SCHEMA = StructType([
    StructField("place", IntegerType()),
    StructField("collectability_score", DecimalType(5, 2)),
    StructField("balance_due", DecimalType(14, 2)),
    StructField("asset_signals", ShortType()),
])


def facts(place, case):
    score, balance, bits = case[:3]
    return (
        place,
        score and Decimal(score),
        balance and Decimal(balance),
        None if bits == 0 and place % 2 else bits,
    )


def main():
    policies = sys.argv[1] if len(sys.argv) > 1 else "25"
    run = ["cargo", "run", "--quiet", "--package", "policy", "--example", "sql_cases", "--", "spark", policies]
    lines = subprocess.run(run, cwd=Path(__file__).parents[2], check=True, stdout=subprocess.PIPE, text=True).stdout
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1"}
    spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    compared = 0
    for line in lines.splitlines():
        policy = json.loads(line)
        sql, cases = policy["sql"], policy["cases"]
        judgments = [facts(place, case) for place, case in enumerate(cases)]
        spark.createDataFrame(judgments, SCHEMA).createOrReplaceTempView("judgments")
        select = f"select {sql['tier']}, {sql['decided_by']}, {sql['reason']} from judgments order by place"
        rows = [list(row) for row in spark.sql(select).collect()]
        assert len(rows) == len(cases)
        for row, case in zip(rows, cases):
            if row != case[3:]:
                sys.exit(f"{case[:3]}: {row} instead of {case[3:]}\n{select}")
            compared += 1
    assert compared > 100 * int(policies)
    print(f"Spark {spark.version} agrees on {compared} judgments under {len(lines.splitlines())} policies")


main()
