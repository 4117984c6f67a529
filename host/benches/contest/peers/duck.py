"""DuckDB: the question of a workload as one GROUP BY, over Parquet or over its own table.

usage: duck.py prepare FOLDER                    tab-separated events on stdin; makes log.duckdb and log.parquet
       duck.py run WORKLOAD parquet|table THREADS FOLDER    prints a measurement as JSON
"""

import hashlib
import json
import resource
import sys
import tempfile
import time

import duckdb

COLUMNS = {
    "position": "BIGINT",
    "stream": "VARCHAR",
    "type": "VARCHAR",
    "amount": "BIGINT",
    "to": "VARCHAR",
    "day": "VARCHAR",
    "channel": "VARCHAR",
    "reference": "VARCHAR",
    "score": "BIGINT",
    "data": "VARCHAR",
}
TRANSFERS = "type IN ('Deposited', 'Withdrawn')"
SIGNED = "CASE type WHEN 'Deposited' THEN {0} ELSE -{0} END"
AMOUNT = SIGNED.format("amount")


def field(name):
    return f"json_extract_string(data, '$.{name}')"


CHANNEL = field("channel")
DOCUMENT_AMOUNT = SIGNED.format(f"CAST({field('amount')} AS BIGINT)")
TEXT_BYTES = " + ".join(f"strlen({field(name)})" for name in ("to", "day", "reference"))

# The columns in the order of the read model's table, and its key.
QUESTIONS = {
    "ledger": (
        f"SELECT stream, sum({AMOUNT}), count(*) FROM log WHERE {TRANSFERS} GROUP BY stream",
        "stream",
    ),
    "by-account": (
        """SELECT "to", count(*), coalesce(sum(amount) FILTER (type = 'Deposited'), 0),
           coalesce(sum(amount) FILTER (type = 'Withdrawn'), 0)"""
        f""" FROM log WHERE {TRANSFERS} GROUP BY "to" """,
        '"to"',
    ),
    "daily": (
        f"SELECT day, type, count(*), sum(amount) FROM log WHERE {TRANSFERS} GROUP BY day, type",
        "day, type",
    ),
    "rows": (
        f"SELECT position, stream, {AMOUNT} AS amount, reference FROM log WHERE {TRANSFERS} ORDER BY position",
        "position",
    ),
    "sparse": (
        "SELECT stream, count(*), sum(score) FROM log WHERE type = 'Reviewed' GROUP BY stream",
        "stream",
    ),
    "document": (
        f"SELECT {CHANNEL} AS channel, count(*), sum({DOCUMENT_AMOUNT}), sum({TEXT_BYTES})"
        f" FROM log WHERE {TRANSFERS} GROUP BY ALL",
        "channel",
    ),
}


def prepare(folder):
    db = duckdb.connect(f"{folder}/log.duckdb")
    db.execute("SET threads = 2")
    columns = json.dumps(COLUMNS).replace('"', "'").replace("'to'", '"to"')
    db.execute(
        f"""CREATE TABLE log AS SELECT * FROM read_csv('/dev/stdin', columns = {columns}, delim = '\t', quote = '',
            escape = '', header = false, auto_detect = false)"""
    )
    db.execute(f"COPY (SELECT * FROM log ORDER BY position) TO '{folder}/log.parquet' (FORMAT parquet)")
    db.close()


def run(workload, kind, threads, folder):
    question, key = QUESTIONS[workload]
    with tempfile.TemporaryDirectory(dir=folder) as out:
        start = time.perf_counter()
        db = duckdb.connect()
        if kind == "parquet":
            db.execute(f"CREATE VIEW log AS SELECT * FROM '{folder}/log.parquet'")
        else:
            db.execute(f"ATTACH '{folder}/log.duckdb' AS own (READ_ONLY); CREATE VIEW log AS SELECT * FROM own.log")
        db.execute(f"SET threads = {threads}")
        if workload == "rows":
            # As many rows as events: they are written, as everybody else's are.
            db.execute(f"ATTACH '{out}/result.duckdb' AS result; CREATE TABLE result.rows AS {question}")
            db.execute("CHECKPOINT result")
            table = "result.rows"
        else:
            # Few rows: they stay in memory.
            db.execute(f"CREATE TEMP TABLE answer AS {question}")
            table = "answer"
        seconds = time.perf_counter() - start
        rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        digest = hashlib.sha256()
        rows = db.execute(f"SELECT * FROM {table} ORDER BY {key}")
        while some := rows.fetchmany(10_000):
            for row in some:
                digest.update(("".join(f"{value}|" for value in row) + "\n").encode())
        db.close()
    print(json.dumps({"seconds": seconds, "rss_mib": rss_mib, "rows_digest": digest.hexdigest()}))


if sys.argv[1] == "prepare":
    prepare(sys.argv[2])
else:
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
