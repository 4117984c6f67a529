"""Python's eventsourcing: the ledger as an application of its own, its balances by its ProjectionRunner.

usage: accounts.py record                 JSON Lines on stdin, into the log in PostgreSQL
       accounts.py run postgres           a new view in PostgreSQL, from the log recorded there
       accounts.py run memory             JSON Lines on stdin; log and view in memory; only the view is timed

PostgreSQL is found by PGHOST and PGPORT. Prints a measurement as JSON.
"""

import hashlib
import json
import os
import resource
import sys
import time
from abc import ABC, abstractmethod
from datetime import datetime
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import TrackingRecorder
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL, Identifier

RECORDED_AT_ONCE = 1000


class Account(Aggregate):
    class Transfer(Aggregate.Event):
        amount: int
        to: str
        day: str
        channel: str
        reference: str

    class Deposited(Transfer):
        pass

    class Withdrawn(Transfer):
        pass

    class Reviewed(Aggregate.Event):
        score: int
        day: str


class Bank(Application):
    recorded = None

    def construct_recorder(self):
        return Bank.recorded or super().construct_recorder()


class Balances(TrackingRecorder, ABC):
    @abstractmethod
    def add(self, account, amount, tracking):
        """Adds an entry to an account's balance."""


class BalancesProjection(Projection[Balances]):
    name = "balances"
    topics = (get_topic(Account.Deposited), get_topic(Account.Withdrawn))

    @singledispatchmethod
    def process_event(self, domain_event, tracking):
        raise NotImplementedError(domain_event)

    @process_event.register
    def _(self, event: Account.Deposited, tracking):
        self.view.add(event.originator_id, event.amount, tracking)

    @process_event.register
    def _(self, event: Account.Withdrawn, tracking):
        self.view.add(event.originator_id, -event.amount, tracking)


class BalancesInMemory(Balances, POPOTrackingRecorder):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.balances = {}

    def add(self, account, amount, tracking):
        with self._database_lock:
            self._assert_tracking_uniqueness(tracking)
            self._insert_tracking(tracking)
            balance, entries = self.balances.get(account, (0, 0))
            self.balances[account] = (balance + amount, entries + 1)

    def rows(self):
        return [(account, *row) for account, row in self.balances.items()]


class BalancesInPostgres(Balances, PostgresTrackingRecorder):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.table = SQL("{0}.balances").format(Identifier(self.datastore.schema))
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS {0} (account uuid PRIMARY KEY, balance bigint, entries bigint)").format(
                self.table
            )
        )
        self.upsert = SQL(
            "INSERT INTO {0} AS b VALUES (%s, %s, 1) ON CONFLICT (account)"
            " DO UPDATE SET balance = b.balance + EXCLUDED.balance, entries = b.entries + 1"
        ).format(self.table)

    def add(self, account, amount, tracking):
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self.upsert, (account, amount), prepare=True)

    def rows(self):
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(SQL("SELECT account, balance, entries FROM {0}").format(self.table))
            return [(row["account"], row["balance"], row["entries"]) for row in cursor.fetchall()]


def postgres(database):
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": database,
        "POSTGRES_HOST": os.environ["PGHOST"],
        "POSTGRES_PORT": os.environ["PGPORT"],
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "none",
    }


def record(app, lines):
    """Records events through the application's own mapper and recorder."""
    versions, waiting = {}, []
    for line in lines:
        event = json.loads(line)
        account = UUID(int=int(event["stream"].removeprefix("account-")))
        versions[account] = versions.get(account, 0) + 1
        time_ = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        kind = getattr(Account, event["type"])
        recorded = kind(
            originator_id=account, originator_version=versions[account], timestamp=time_, **event["data"]
        )
        waiting.append(app.mapper.to_stored_event(recorded))
        if len(waiting) == RECORDED_AT_ONCE:
            app.recorder.insert_events(waiting)
            waiting = []
    if waiting:
        app.recorder.insert_events(waiting)


def last_transfer(app):
    """The last notification that the projection gets."""
    last = app.recorder.max_notification_id()
    while True:
        start = max(1, last - 100)
        found = app.recorder.select_notifications(start=start, limit=101, topics=BalancesProjection.topics)
        if found:
            return found[-1].id
        last = start


def run(env, view_class):
    app = Bank(env)
    head = last_transfer(app)
    if Bank.recorded is None:
        app.close()
    start = time.perf_counter()
    with ProjectionRunner(
        application_class=Bank, projection_class=BalancesProjection, view_class=view_class, env=env
    ) as runner:
        runner.wait(head, timeout=3600)
        seconds = time.perf_counter() - start
        rows = runner.projection.view.rows()
    digest = hashlib.sha256()
    for account, balance, entries in sorted((f"account-{account.int:06}", *row) for account, *row in rows):
        digest.update(f"{account}|{balance}|{entries}|\n".encode())
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "rss_mib": rss_mib, "rows_digest": digest.hexdigest()}))


def of_view(env):
    """What only the projection's view is told."""
    return {f"BALANCES_{name}": value for name, value in env.items()}


if sys.argv[1:] == ["record"]:
    bank = Bank(postgres("bank"))
    record(bank, sys.stdin)
    bank.close()
elif sys.argv[1:] == ["run", "memory"]:
    memory = {"PERSISTENCE_MODULE": "eventsourcing.popo"}
    bank = Bank(memory)
    record(bank, sys.stdin)
    Bank.recorded = bank.recorder
    run(memory, BalancesInMemory)
elif sys.argv[1:] == ["run", "postgres"]:
    run(postgres("bank") | of_view(postgres("view")), BalancesInPostgres)
else:
    sys.exit(__doc__)
